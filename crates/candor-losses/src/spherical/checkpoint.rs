use std::fs;
use std::io;
use std::path::Path;

use nalgebra::{DMatrix, DVector};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use thiserror::Error;

use super::SphericalOutputLayer;
use super::factored_weight::FactoredWeight;

/// Why a [`SphericalOutputLayer`] could not be written to a file or read from one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The file cannot be written, is no safetensors file, or lacks a tensor.
    #[error("the safetensors file: {0}")]
    Format(#[from] SafeTensorError),
    /// A tensor has another type or shape than the layer's.
    #[error("{name} is {dtype:?} of shape {seen:?}, wanted F64 of shape {wanted:?}")]
    Tensor {
        /// The tensor.
        name: &'static str,
        /// Its type in the file.
        dtype: Dtype,
        /// Its shape in the file.
        seen: Vec<usize>,
        /// The layer's shape.
        wanted: Vec<usize>,
    },
    /// A tensor holds a number that is not finite.
    #[error("{name} holds a number that is not finite")]
    NotFinite {
        /// The tensor.
        name: &'static str,
    },
}

/// The names of the tensors in a file, in the letters of the paper; matrices are stored row by row.
const ROWS: &str = "v";
const MIXING: &str = "u";
const MIXING_INVERSE: &str = "u_inverse";
const SHIFT: &str = "omega";
const SQUARES: &str = "q";
const SUMS: &str = "w_bar";
const STEPS: &str = "steps";

impl<L> SphericalOutputLayer<L> {
    /// Writes the whole state to a safetensors file, in `f64`: training goes on from it bit by bit.
    ///
    /// The settings and the loss are not in it.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), CheckpointError> {
        let (classes, width) = (self.classes(), self.width());
        let state = &self.state;
        let square = vec![width, width];
        let tensors: [(&str, Vec<usize>, Vec<u8>); 7] = [
            (ROWS, vec![classes, width], bytes(&state.rows)),
            (MIXING, square.clone(), row_bytes(&state.mixing)),
            (
                MIXING_INVERSE,
                square.clone(),
                row_bytes(&state.mixing_inverse),
            ),
            (SHIFT, vec![width], bytes(state.shift.as_slice())),
            (SQUARES, square, row_bytes(&state.squares)),
            (SUMS, vec![width], bytes(state.sums.as_slice())),
            // Exact up to 2^53 steps.
            (STEPS, vec![1], bytes(&[self.steps as f64])),
        ];
        let views = tensors
            .iter()
            .map(|(name, shape, data)| {
                TensorView::new(Dtype::F64, shape.clone(), data).map(|view| (*name, view))
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(safetensors::serialize_to_file(views, None, path.as_ref())?)
    }

    /// Takes the state from a file that [`save`](Self::save) wrote.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is not of a layer of this size, or holds a number that is not finite. The layer is then as
    /// before.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<(), CheckpointError> {
        let (classes, width) = (self.classes(), self.width());
        let data = fs::read(path)?;
        let file = SafeTensors::deserialize(&data)?;
        let matrix = |name| {
            let values = read(&file, name, &[width, width])?;
            Ok::<_, CheckpointError>(DMatrix::from_row_slice(width, width, &values))
        };
        let vector =
            |name| Ok::<_, CheckpointError>(DVector::from_vec(read(&file, name, &[width])?));
        let state = FactoredWeight {
            rows: read(&file, ROWS, &[classes, width])?,
            mixing: matrix(MIXING)?,
            mixing_inverse: matrix(MIXING_INVERSE)?,
            shift: vector(SHIFT)?,
            squares: matrix(SQUARES)?,
            sums: vector(SUMS)?,
        };
        let steps = read(&file, STEPS, &[1])?;
        self.state = state;
        self.steps = steps.first().copied().unwrap_or(0.0) as u64;
        Ok(())
    }
}

fn bytes(values: &[f64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn row_bytes(matrix: &DMatrix<f64>) -> Vec<u8> {
    bytes(matrix.transpose().as_slice())
}

fn read(
    file: &SafeTensors<'_>,
    name: &'static str,
    wanted: &[usize],
) -> Result<Vec<f64>, CheckpointError> {
    let view = file.tensor(name)?;
    if view.dtype() != Dtype::F64 || view.shape() != wanted {
        return Err(CheckpointError::Tensor {
            name,
            dtype: view.dtype(),
            seen: view.shape().to_vec(),
            wanted: wanted.to_vec(),
        });
    }
    let (numbers, _) = view.data().as_chunks::<8>();
    let values: Vec<f64> = numbers
        .iter()
        .map(|&bytes| f64::from_le_bytes(bytes))
        .collect();
    if values.iter().all(|value| value.is_finite()) {
        Ok(values)
    } else {
        Err(CheckpointError::NotFinite { name })
    }
}
