use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use burn::tensor::{Device, FloatDType};

use super::cast::{cast, cast_adapters};
use super::settings::{FinetuneSettings, Method};
use crate::generate::LanguageModel;
use crate::run::{Progress, RunError};

/// What a fine-tuning begins with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum BaseModel {
    /// About a million random parameters over bytes, for training from scratch on a laptop.
    #[default]
    Tiny,
    /// A GGUF file or a Hugging Face folder.
    Pretrained(PathBuf),
}

impl BaseModel {
    /// The model, ready to be trained by the method of the settings, in inference mode.
    ///
    /// What is trained is in `f32`; what is frozen beside adapters is in the precision that the network computes in.
    pub(super) fn load(
        &self,
        settings: &FinetuneSettings,
        device: &Device,
        precision: FloatDType,
        progress: &Progress,
    ) -> Result<LanguageModel, RunError> {
        let stored = match settings.method {
            Method::Full => FloatDType::F32,
            Method::Lora => precision,
        };
        let loaded = match self {
            Self::Tiny => LanguageModel::tiny(device, settings.seed)?,
            Self::Pretrained(path) => LanguageModel::open(path, device, stored, progress)?,
        };
        let model = match settings.method {
            Method::Full => loaded.model,
            Method::Lora => {
                let plan = settings.lora.plan(settings.seed)?;
                cast_adapters(plan.attach(cast(loaded.model, stored)), FloatDType::F32)
            }
        };
        Ok(LanguageModel { model, ..loaded })
    }
}

impl BaseModel {
    /// What a card calls it: the file without its folder and ending.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Tiny => TINY.to_owned(),
            Self::Pretrained(path) => {
                let name = path.file_stem().unwrap_or(path.as_os_str());
                name.to_string_lossy().into_owned()
            }
        }
    }
}

impl fmt::Display for BaseModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tiny => f.write_str(TINY),
            Self::Pretrained(path) => path.display().fmt(f),
        }
    }
}

impl FromStr for BaseModel {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            TINY => Self::Tiny,
            path => Self::Pretrained(path.into()),
        })
    }
}

const TINY: &str = "tiny";

#[cfg(test)]
mod tests {
    use burn::module::{Module, ModuleVisitor, Param};
    use burn::tensor::{DType, Tensor};

    use super::*;
    use crate::run::Precision;

    /// The precisions of the adapters and of all else.
    #[derive(Default)]
    struct Precisions {
        in_adapter: bool,
        adapters: Vec<DType>,
        others: Vec<DType>,
    }

    impl ModuleVisitor for Precisions {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.in_adapter |= name == "lora";
        }
        fn exit_module(&mut self, name: &str, _: &str) {
            self.in_adapter &= name != "lora";
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if self.in_adapter {
                self.adapters.push(param.dtype());
            } else {
                self.others.push(param.dtype());
            }
        }
    }

    fn precisions(method: Method) -> Precisions {
        let settings = FinetuneSettings {
            method,
            precision: Precision::Bf16,
            ..FinetuneSettings::default()
        };
        let (device, quiet) = (Device::flex(), Progress::new(1, true));
        let loaded = BaseModel::Tiny
            .load(&settings, &device, FloatDType::BF16, &quiet)
            .unwrap();
        let mut precisions = Precisions::default();
        loaded.model.visit(&mut precisions);
        precisions
    }

    #[test]
    fn what_is_trained_is_kept_in_f32_and_what_is_frozen_as_it_computes() {
        let lora = precisions(Method::Lora);
        assert_eq!(lora.adapters.len(), 2 * 2 * 5);
        assert!(lora.adapters.iter().all(|&dtype| dtype == DType::F32));
        assert!(lora.others.iter().all(|&dtype| dtype == DType::BF16));
        let full = precisions(Method::Full);
        assert!(full.others.iter().all(|&dtype| dtype == DType::F32) && full.adapters.is_empty());
    }

    #[test]
    fn tiny_is_a_name_and_all_else_a_path() {
        assert_eq!("tiny".parse(), Ok(BaseModel::Tiny));
        let path = BaseModel::Pretrained("a/b.gguf".into());
        assert_eq!(path.name(), "b");
        assert_eq!(path.to_string().parse(), Ok(path));
    }
}
