//! One model in every layout: single files in the original names, fused, prefixed or as GGUF, make the same image.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use candle_core::{
    DType, Device, Tensor,
    quantized::{GgmlDType, QTensor, gguf_file},
    safetensors,
};
use tempfile::TempDir;
use tintype::{
    domain::{ImageSize, RenderSpec, Seed},
    pipeline::{
        DeviceChoice, LoadError, LoraChoice, ModelFiles, PartFiles, Pipeline, Pixels, Placement, Precision,
    },
};

use crate::tiny_models;

type Tensors = HashMap<String, Tensor>;

/// Of the model `base`.
struct Model {
    folder: PathBuf,
    place: TempDir,
}

impl Model {
    fn new() -> Self {
        Self { folder: tiny_models::directory("base"), place: TempDir::new().expect("a directory") }
    }

    fn tensors(&self, component: &str) -> Tensors {
        let stem = if component == "text_encoder" { "model" } else { "diffusion_pytorch_model" };
        let file = self.folder.join(component).join(format!("{stem}.safetensors"));
        safetensors::load(file, &Device::Cpu).expect("weights")
    }

    /// Writes tensors of `component` beside its configuration, as NAME.safetensors and NAME.json.
    fn write(&self, name: &str, component: &str, tensors: &Tensors) -> PathBuf {
        let file = self.place.path().join(format!("{name}.safetensors"));
        safetensors::save(tensors, &file).expect("written");
        self.describe(component, &file);
        file
    }

    fn write_gguf(&self, name: &str, component: &str, tensors: &Tensors, dtype: GgmlDType) -> PathBuf {
        let blocks: BTreeMap<&String, QTensor> = tensors
            .iter()
            .map(|(name, tensor)| {
                let fits = tensor.rank() == 2 && tensor.dims()[1] % dtype.block_size() == 0;
                let dtype = if fits { dtype } else { GgmlDType::F32 };
                (name, QTensor::quantize(tensor, dtype).expect("blocks"))
            })
            .collect();
        let blocks: Vec<_> = blocks.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
        let file = self.place.path().join(format!("{name}.gguf"));
        let architecture = gguf_file::Value::String("lumina2".into());
        let mut written = fs::File::create(&file).expect("a file");
        gguf_file::write(&mut written, &[("general.architecture", &architecture)], &blocks).expect("written");
        self.describe(component, &file);
        file
    }

    fn describe(&self, component: &str, file: &Path) {
        fs::copy(self.folder.join(component).join("config.json"), file.with_extension("json"))
            .expect("copied");
    }

    /// The other parts as they are in the folder.
    fn other_parts(&self) -> PartFiles {
        PartFiles {
            transformer: None,
            text_encoder: Some(self.folder.join("text_encoder")),
            vae: Some(self.folder.join("vae")),
            tokenizer: Some(self.folder.join("tokenizer")),
        }
    }

    fn with_transformer(&self, file: &Path) -> ModelFiles {
        ModelFiles::file(file).with_parts(self.other_parts())
    }

    fn whole(&self) -> ModelFiles {
        ModelFiles::directory(&self.folder).expect("a model")
    }
}

fn image(files: &ModelFiles) -> Result<Pixels, LoadError> {
    adapted(files, &[])
}

/// The image with LoRAs.
fn adapted(files: &ModelFiles, loras: &[LoraChoice]) -> Result<Pixels, LoadError> {
    let placement = Placement::resident(DeviceChoice::Cpu, Precision::F32);
    let pipeline = Pipeline::load(files, &placement, &|_, _| {})?;
    let spec = RenderSpec::new("a red apple", ImageSize::square(64), 2);
    let sides = pipeline.sides(&pipeline.read_loras(loras)?).expect("on the device");
    let tokens = pipeline.tokenise(&spec).expect("tokens");
    let prepared = pipeline.prepare_tokens(&tokens, &sides).expect("prepared");
    Ok(pipeline
        .generate(&spec, &prepared, Seed::new(7), &mut |_| ControlFlow::Continue(()))
        .expect("an image"))
}

/// The transformer's tensors by the names of the original layout.
fn original(tensors: &Tensors) -> Tensors {
    let renames = [
        ("all_x_embedder.2-1.", "x_embedder."),
        ("all_final_layer.2-1.", "final_layer."),
        (".attention.to_out.0.", ".attention.out."),
        (".attention.norm_q.", ".attention.q_norm."),
        (".attention.norm_k.", ".attention.k_norm."),
    ];
    let mut named = Tensors::new();
    for (name, tensor) in tensors {
        if let Some(block) = name.strip_suffix("to_q.weight") {
            let thirds = ["q", "k", "v"].map(|letter| &tensors[&format!("{block}to_{letter}.weight")]);
            named.insert(format!("{block}qkv.weight"), Tensor::cat(&thirds, 0).expect("fused"));
        } else if !name.ends_with("to_k.weight") && !name.ends_with("to_v.weight") {
            let name = renames.iter().fold(name.clone(), |name, (ours, theirs)| name.replace(ours, theirs));
            named.insert(name, tensor.clone());
        }
    }
    named
}

fn prefixed(prefix: &str, tensors: &Tensors) -> Tensors {
    tensors.iter().map(|(name, tensor)| (format!("{prefix}{name}"), tensor.clone())).collect()
}

#[test]
fn a_transformer_in_any_layout_makes_the_same_image() {
    let model = Model::new();
    let expected = image(&model.whole()).expect("an image");
    let own = model.tensors("transformer");
    let fused = original(&own);
    let mut split = fused.clone();
    for (name, tensor) in &fused {
        if name.ends_with(".qkv.weight") {
            let thirds = tensor.chunk(3, 0).expect("thirds");
            for (third, ending) in thirds.iter().zip(["", ".1", ".2"]) {
                split.insert(format!("{name}{ending}"), third.contiguous().expect("a copy"));
            }
        }
    }
    let with_final_norm = fused.clone().into_iter().chain([(
        "norm_final.weight".to_owned(),
        Tensor::ones(64, DType::F32, &Device::Cpu).expect("a norm"),
    )]);
    let flat_pads = fused.iter().map(|(name, tensor)| {
        let tensor = if name.ends_with("pad_token") {
            tensor.flatten_all().expect("a vector")
        } else {
            tensor.clone()
        };
        (name.clone(), tensor)
    });
    let files = [
        model.write("own", "transformer", &own),
        model.write("fused", "transformer", &fused),
        model.write("prefixed", "transformer", &prefixed("model.diffusion_model.", &fused)),
        model.write("shorter", "transformer", &prefixed("diffusion_model.", &fused)),
        model.write("final-norm", "transformer", &with_final_norm.collect()),
        model.write("flat-pads", "transformer", &flat_pads.collect()),
        model.write("split", "transformer", &split),
        model.write_gguf("gguf", "transformer", &fused, GgmlDType::F32),
        model.write_gguf(
            "gguf-prefixed",
            "transformer",
            &prefixed("model.diffusion_model.", &fused),
            GgmlDType::F32,
        ),
    ];
    for file in files {
        let made = image(&model.with_transformer(&file)).unwrap_or_else(|error| panic!("{error}"));
        assert!(made == expected, "{}", file.display());
    }
}

#[test]
fn sixteen_bits_in_a_file_are_the_same_in_both_layouts() {
    let model = Model::new();
    for dtype in [DType::BF16, DType::F16] {
        let narrow: Tensors = model
            .tensors("transformer")
            .into_iter()
            .map(|(name, tensor)| (name, tensor.to_dtype(dtype).expect("16 bits")))
            .collect();
        let own = image(&model.with_transformer(&model.write("own", "transformer", &narrow)));
        let fused = image(&model.with_transformer(&model.write("fused", "transformer", &original(&narrow))));
        assert!(own.expect("an image") == fused.expect("an image"), "{dtype:?}");
    }
}

#[test]
fn blocks_are_cut_into_queries_keys_and_values_by_their_bytes() {
    let model = Model::new();
    let fused = original(&model.tensors("transformer"));
    let blocks = model.write_gguf("q8", "transformer", &fused, GgmlDType::Q8_0);
    let dense: Tensors = fused
        .iter()
        .map(|(name, tensor)| {
            let fits = tensor.rank() == 2 && tensor.dims()[1] % 32 == 0;
            let dtype = if fits { GgmlDType::Q8_0 } else { GgmlDType::F32 };
            let dense = QTensor::quantize(tensor, dtype).and_then(|blocks| blocks.dequantize(&Device::Cpu));
            (name.clone(), dense.expect("dense"))
        })
        .collect();
    let dense = model.write("dense", "transformer", &dense);
    let images = [blocks, dense].map(|file| image(&model.with_transformer(&file)).expect("an image"));
    assert!(images[0] == images[1]);
}

#[test]
fn scaled_eight_bits_are_their_numbers_times_the_scale() {
    let model = Model::new();
    let own = original(&model.tensors("transformer"));
    let is_scaled = |name: &str| {
        name.ends_with(".weight")
            && (name.contains("attention.") || name.contains("feed_forward"))
            && !name.contains("norm")
    };
    for style in ["scale_weight", "weight_scale"] {
        let (mut scaled, mut dense) = (Tensors::new(), Tensors::new());
        for (name, tensor) in &own {
            let layer = name.strip_suffix(".weight").filter(|_| is_scaled(name));
            let Some(layer) = layer else {
                scaled.insert(name.clone(), tensor.clone());
                dense.insert(name.clone(), tensor.clone());
                continue;
            };
            let scale = 0.037_f32;
            let eight = (tensor / f64::from(scale)).and_then(|x| x.to_dtype(DType::F8E4M3)).expect("8 bits");
            let numbers = eight.to_dtype(DType::F32).and_then(|x| x * f64::from(scale)).expect("numbers");
            dense.insert(name.clone(), numbers);
            scaled.insert(name.clone(), eight);
            let one = Tensor::new(&[scale], &Device::Cpu).expect("a scale");
            scaled.insert(format!("{layer}.{style}"), one.clone());
            let of_input = if style == "scale_weight" { "scale_input" } else { "input_scale" };
            scaled.insert(format!("{layer}.{of_input}"), one);
        }
        let files =
            [model.write("scaled", "transformer", &scaled), model.write("dense", "transformer", &dense)];
        let images = files.map(|file| image(&model.with_transformer(&file)).expect("an image"));
        assert!(images[0] == images[1], "{style}");
    }
}

#[test]
fn the_other_parts_may_be_files_and_are_found_beside_the_transformer() {
    let model = Model::new();
    let expected = image(&model.whole()).expect("an image");
    let root = model.place.path();
    let place = |folder: &str, name: &str, component: &str, tensors: &Tensors| {
        fs::create_dir_all(root.join(folder)).expect("a folder");
        model.write(&format!("{folder}/{name}"), component, tensors)
    };
    let transformer =
        place("diffusion_models", "z_image", "transformer", &original(&model.tensors("transformer")));
    let error = image(&ModelFiles::file(&transformer)).expect_err("the others are missing").to_string();
    assert!(error.contains("--text-encoder"), "{error}");
    place("text_encoders", "qwen", "text_encoder", &model.tensors("text_encoder"));
    let error = image(&ModelFiles::file(&transformer)).expect_err("one is missing").to_string();
    assert!(error.contains("--vae"), "{error}");
    place("vae", "ae", "vae", &model.tensors("vae"));
    let error = image(&ModelFiles::file(&transformer)).expect_err("one is missing").to_string();
    assert!(error.contains("--tokenizer"), "{error}");
    fs::copy(model.folder.join("tokenizer/tokenizer.json"), root.join("diffusion_models/tokenizer.json"))
        .expect("copied");
    assert!(image(&ModelFiles::file(&transformer)).expect("an image") == expected);
}

#[test]
fn a_file_that_is_not_z_images_is_refused_by_name() {
    let model = Model::new();
    let tensor = |shape: &[usize]| Tensor::zeros(shape, DType::F32, &Device::Cpu).expect("zeros");
    let own = model.tensors("transformer");
    let with = |extra: &str| {
        let mut tensors = own.clone();
        tensors.insert(extra.to_owned(), tensor(&[4]));
        tensors
    };
    let alone = |name: &str| Tensors::from([(name.to_owned(), tensor(&[4, 4]))]);
    let mut lumina = own.clone();
    lumina.insert("cap_embedder.1.weight".into(), tensor(&[2304, 32]));
    let mut other = own.clone();
    other.remove("cap_pad_token");
    for (tensors, said) in [
        (with("siglip_embedder.0.weight"), "Omni"),
        (with("dec_net.cond_embed.weight"), "Zeta-Chroma"),
        (with("control_layers.0.after_proj.weight"), "ControlNet"),
        (with("layers.0.attention.to_q.qweight"), "Nunchaku"),
        (with("layers.0.attention.to_q.weight_scale_2"), "weight_scale_2"),
        (alone("double_blocks.0.img_attn.qkv.weight"), "Flux"),
        (alone("transformer_blocks.0.img_mod.1.weight"), "Qwen-Image"),
        (alone("diffusion_model.layers.0.attention.to_q.lora_A.weight"), "--lora"),
        (alone("decoder.conv_in.weight"), "--vae"),
        (alone("model.embed_tokens.weight"), "--text-encoder"),
        (alone("something.weight"), "without a Z-Image transformer's tensors"),
        (lumina, "Lumina 2"),
        (other, "without cap_pad_token"),
    ] {
        let file = model.write("wrong", "transformer", &tensors);
        let error = image(&model.with_transformer(&file)).expect_err(said).to_string();
        assert!(
            error.contains(said) && error.contains("wrong.safetensors") && error.lines().count() == 1,
            "{error}"
        );
    }
}

#[test]
fn heads_of_another_width_ask_for_a_configuration() {
    let model = Model::new();
    let file = model.write("bare", "transformer", &model.tensors("transformer"));
    fs::remove_file(file.with_extension("json")).expect("there");
    let error = image(&model.with_transformer(&file)).expect_err("no configuration").to_string();
    assert!(error.contains("16 numbers, not 128") && error.contains(".json"), "{error}");
    // The one beside it that names the part is taken; another part's is not.
    let beside = model.place.path().join("config.json");
    fs::copy(model.folder.join("vae/config.json"), &beside).expect("copied");
    assert!(image(&model.with_transformer(&file)).is_err());
    fs::copy(model.folder.join("transformer/config.json"), &beside).expect("copied");
    assert!(image(&model.with_transformer(&file)).is_ok());
}

/// A small number for each place, the same in every run.
fn drawn(seed: usize, shape: &[usize], size: f64) -> Tensor {
    let numbers = tintype::pipeline::standard_normal(Seed::new(seed as u64), shape.iter().product());
    (Tensor::from_vec(numbers, shape, &Device::Cpu).expect("a tensor") * size).expect("scaled")
}

/// A LoRA of rank 3 of every matrix in the blocks: layer, down, up.
fn lora(own: &Tensors) -> Vec<(String, Tensor, Tensor)> {
    let mut layers: Vec<&str> = own
        .iter()
        .filter(|(name, tensor)| {
            tensor.rank() == 2 && (name.contains("layers.") || name.contains("refiner."))
        })
        .filter_map(|(name, _)| name.strip_suffix(".weight").filter(|name| !name.contains("norm")))
        .collect();
    layers.sort_unstable();
    let pair = |(seed, layer): (usize, &str)| {
        let [outputs, inputs] = own[&format!("{layer}.weight")].dims() else { panic!("{layer}") };
        let (down, up) = (drawn(2 * seed, &[3, *inputs], 0.2), drawn(2 * seed + 1, &[*outputs, 3], 0.2));
        (layer.to_owned(), down, up)
    };
    layers.into_iter().enumerate().map(pair).collect()
}

fn difference(a: &Pixels, b: &Pixels) -> u8 {
    a.rgb.iter().zip(&b.rgb).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or_default()
}

#[test]
fn a_lora_is_the_weights_that_it_would_be_merged_into() {
    let model = Model::new();
    let own = model.tensors("transformer");
    let lora = lora(&own);
    let without = image(&model.whole()).expect("an image");
    type Style = (&'static str, fn(&str) -> [String; 3], Option<f32>);
    let styles: [Style; 4] = [
        (
            "peft",
            |layer| {
                ["lora_A.weight", "lora_B.weight", "alpha"].map(|end| format!("transformer.{layer}.{end}"))
            },
            None,
        ),
        (
            "ai-toolkit",
            |layer| {
                ["lora_A.weight", "lora_B.weight", "alpha"]
                    .map(|end| format!("diffusion_model.{layer}.{end}"))
            },
            None,
        ),
        (
            "kohya",
            |layer| {
                let layer = layer.replace('.', "_");
                ["lora_down.weight", "lora_up.weight", "alpha"].map(|end| format!("lora_unet_{layer}.{end}"))
            },
            Some(1.0),
        ),
        (
            "onetrainer",
            |layer| {
                ["lora_down.weight", "lora_up.weight", "alpha"]
                    .map(|end| format!("transformer.{layer}.{end}"))
            },
            Some(6.0),
        ),
    ];
    for (style, names, alpha) in styles {
        let mut file = Tensors::new();
        for (layer, down, up) in &lora {
            let [down_name, up_name, alpha_name] = names(layer);
            file.extend([(down_name, down.clone()), (up_name, up.clone())]);
            if let Some(alpha) = alpha {
                file.insert(alpha_name, Tensor::new(alpha, &Device::Cpu).expect("alpha"));
            }
        }
        let path = model.place.path().join(format!("{style}.lora"));
        safetensors::save(&file, &path).expect("written");
        for weight in [0.3, 1.0, -0.5] {
            let mut merged = own.clone();
            for (layer, down, up) in &lora {
                let change = (up.matmul(down).expect("a change")
                    * (weight * alpha.map_or(1.0, |alpha| f64::from(alpha) / 3.0)))
                .expect("scaled");
                let name = format!("{layer}.weight");
                merged.insert(name.clone(), (&own[&name] + change).expect("merged"));
            }
            let merged = model.with_transformer(&model.write("merged", "transformer", &merged));
            let expected = image(&merged).expect("an image");
            let choice = LoraChoice { file: path.clone(), weight };
            let made = adapted(&model.whole(), &[choice]).unwrap_or_else(|error| panic!("{error}"));
            assert!(difference(&made, &expected) <= 1, "{style} {weight}: {}", difference(&made, &expected));
            assert!(difference(&made, &without) > 1, "{style} {weight} changes nothing");
        }
    }
}

#[test]
fn a_lora_of_queries_keys_and_values_in_one_is_thirds() {
    let model = Model::new();
    let own = model.tensors("transformer");
    let (mut fused, mut split) = (Tensors::new(), Tensors::new());
    let blocks = own.keys().filter_map(|name| name.strip_suffix("to_q.weight"));
    for (seed, block) in blocks.enumerate() {
        let (down, up) = (drawn(2 * seed, &[3, 64], 0.1), drawn(2 * seed + 1, &[192, 3], 0.1));
        for (third, letter) in up.chunk(3, 0).expect("thirds").iter().zip(["q", "k", "v"]) {
            split.insert(format!("transformer.{block}to_{letter}.lora_A.weight"), down.clone());
            split.insert(
                format!("transformer.{block}to_{letter}.lora_B.weight"),
                third.contiguous().expect("a copy"),
            );
        }
        let name = format!("lora_unet_{}", format!("{block}qkv").replace('.', "_"));
        fused.insert(format!("{name}.lora_down.weight"), down);
        fused.insert(format!("{name}.lora_up.weight"), up);
    }
    // A change that is there twice counts once.
    let both: Tensors = fused.clone().into_iter().chain(split.clone()).collect();
    let images = [("fused", fused), ("split", split), ("both", both)].map(|(name, tensors)| {
        let file = model.place.path().join(format!("{name}.safetensors"));
        safetensors::save(&tensors, &file).expect("written");
        adapted(&model.whole(), &[LoraChoice { file, weight: 1.0 }]).expect("an image")
    });
    assert!(images[0] == images[1] && images[1] == images[2]);
}

#[test]
fn a_lora_that_does_not_fit_is_refused_and_says_why() {
    let model = Model::new();
    let refused = |tensors: Tensors| {
        let file = model.place.path().join("wrong.safetensors");
        safetensors::save(&tensors, &file).expect("written");
        let choice = LoraChoice { file, weight: 1.0 };
        adapted(&model.whole(), &[choice]).expect_err("refused").to_string()
    };
    let pair = |layer: &str, outputs: usize, inputs: usize| {
        Tensors::from([
            (format!("{layer}.lora_A.weight"), drawn(1, &[2, inputs], 0.1)),
            (format!("{layer}.lora_B.weight"), drawn(2, &[outputs, 2], 0.1)),
        ])
    };
    let mut dora = pair("transformer.layers.0.attention.to_q", 64, 64);
    dora.insert("transformer.layers.0.attention.to_q.dora_scale".into(), drawn(3, &[64], 1.0));
    for (tensors, said) in [
        (pair("lora_unet_double_blocks_0_img_attn_qkv", 64, 64), "Flux's"),
        (pair("diffusion_model.layers.0.attention.to_q", 64, 128), "64 × 64"),
        (dora, "DoRA"),
        (model.tensors("vae"), "not a LoRA"),
    ] {
        let error = refused(tensors);
        assert!(
            error.contains(said) && error.contains("wrong.safetensors") && error.lines().count() == 1,
            "{error}"
        );
    }
}
