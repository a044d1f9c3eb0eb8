use std::io::{self, Seek, Write};

use actix_web::{HttpResponse, body::SizedStream, http::header};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{
    http::{
        State,
        api::{error::ApiError, pieces},
    },
    image_store::ImageName,
    service::Service,
};

/// Images in one file.
pub(super) const IMAGES_MAX: usize = 200;

/// The images that are still there in one ZIP file, which is written into the data directory and has no name there.
pub(super) async fn sent(names: Vec<ImageName>, state: &State) -> Result<HttpResponse, ApiError> {
    let internal = |error: io::Error| ApiError::internal(&error);
    let file = tempfile::tempfile_in(&state.bodies).map_err(internal)?;
    let mut archive = ZipWriter::new(file);
    for name in names {
        add(&mut archive, name, &state.service).await?;
    }
    let mut file = archive.finish().map_err(|error| ApiError::internal(&error))?;
    let length = file.stream_position().map_err(internal)?;
    file.rewind().map_err(internal)?;
    let today = state.service.today();
    Ok(HttpResponse::Ok()
        .content_type("application/zip")
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"tintype-{today}.zip\"")))
        .body(SizedStream::new(length, pieces::bytes_of(file))))
}

/// As it is: images are compressed already.
async fn add<W: Write + Seek>(
    archive: &mut ZipWriter<W>,
    name: ImageName,
    service: &Service,
) -> Result<(), ApiError> {
    let Some(image) = service.image_file(name).await? else { return Ok(()) };
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let begun = archive.start_file(name.to_string(), stored);
    begun.map_err(|error| ApiError::internal(&error))?;
    archive.write_all(&image).map_err(|error| ApiError::internal(&error))
}
