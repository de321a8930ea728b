//! Files: block formats, rows of the real file, and the order of rows under rotation.

use burn::tensor::Device;
use candor_models::causal_lm::gguf::{GgmlType, dequantize_blocks};
use candor_models::causal_lm::weights::permute_rope_rows;
use candor_models::causal_lm::{GgufFile, RopeLayout};
use candor_testkit::golden::{Case, OpResult, Outputs};

pub(crate) fn dequantize(case: &Case, _: &Device) -> OpResult {
    let name = case.text("ggml_type");
    let kind = GgmlType::ALL.into_iter().find(|kind| kind.name() == name);
    let kind = kind.ok_or_else(|| format!("the type {name} is not read"))?;
    let bytes = case.ints("bytes").into_iter().map(u8::try_from);
    let bytes = bytes.collect::<Result<Vec<_>, _>>()?;
    let values = dequantize_blocks(kind, &bytes)?;
    Ok(Outputs::new().values("values", values.into_iter().map(f64::from)))
}

pub(crate) fn file_tensor_row(case: &Case, _: &Device) -> OpResult {
    let file = GgufFile::open(case.required_file())?;
    let tensor = case.text("tensor");
    let row = file.row(tensor, case.count("row").expect("a row"))?;
    let row: Vec<f64> = row.into_iter().map(f64::from).collect();
    Ok(Outputs::new()
        .value("row_sum", row.iter().sum())
        .values("first8", row.into_iter().take(8))
        .json("shape", file.shape(tensor))
        .json("ggml_type", file.ggml_type(tensor).map(GgmlType::name)))
}

pub(crate) fn rope_permute(case: &Case, _: &Device) -> OpResult {
    let layout = |name| match case.text(name) {
        "gguf" => RopeLayout::Interleaved,
        "hf" => RopeLayout::Half,
        other => panic!("no layout {other}"),
    };
    let (weight, rows) = (case.floats("weight"), case.shape("weight")[0]);
    let weight: Vec<f32> = weight.into_iter().map(|value| value as f32).collect();
    let heads = case.count("n_heads").expect("a number of heads");
    let permuted = permute_rope_rows(&weight, rows, heads, layout("from"), layout("to"))?;
    Ok(Outputs::new().values("weight", permuted.into_iter().map(f64::from)))
}
