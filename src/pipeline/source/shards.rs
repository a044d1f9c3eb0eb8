use std::{
    collections::{BTreeSet, HashMap},
    path::{Component, Path},
};

use serde::Deserialize;

use super::{
    super::error::{LoadError, short},
    folder::Folder,
};

#[derive(Deserialize)]
struct ShardIndex {
    weight_map: HashMap<String, String>,
}

/// The files of a part in the folder `inside` of `folder`, whose names begin with `stem`, and the index that names them if
/// there are several.
///
/// Names in an index come from strangers: each must be a file beside the index.
pub(super) fn shard_files(
    folder: &Folder,
    inside: &str,
    stem: &str,
) -> Result<(BTreeSet<String>, String), LoadError> {
    let within = |name: &str| if inside.is_empty() { name.to_owned() } else { format!("{inside}/{name}") };
    let single = within(&format!("{stem}.safetensors"));
    let index_file = format!("{single}.index.json");
    if !folder.contains(&index_file) {
        return Ok((BTreeSet::from([single]), index_file));
    }
    let names: BTreeSet<String> = folder.json::<ShardIndex>(&index_file)?.weight_map.into_values().collect();
    if let Some(outside) = names.iter().find(|name| !is_file_name(name)) {
        let reason = format!("weight_map names `{}`, which is not a file beside it", short(outside));
        return Err(LoadError::invalid(folder.path_of(&index_file), reason));
    }
    Ok((names.into_iter().map(|name| within(&name)).collect(), index_file))
}

fn is_file_name(name: &str) -> bool {
    let is_one_part = matches!(
        Path::new(name).components().collect::<Vec<_>>().as_slice(),
        [Component::Normal(part)] if *part == name
    );
    is_one_part && !name.contains(['\\', '\0'])
}
