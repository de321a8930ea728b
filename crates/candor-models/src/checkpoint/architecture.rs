use burn::config::Config;
use burn::store::ModuleSnapshot;
use burn::tensor::Device;
use candor_core::ConfigError;

/// A network that a checkpoint can describe well enough to build it again.
///
/// Implement it for your own module to use [`save_safetensors`](crate::save_safetensors) and its siblings; all its
/// parameters must be float tensors.
pub trait Architecture: ModuleSnapshot {
    /// Everything that decides the shapes of the parameters; stored as JSON.
    type Config: Config;

    /// What files call this architecture.
    const NAME: &'static str;

    /// What this network was built from.
    fn config(&self) -> &Self::Config;

    /// The network with lazily initialised parameters, which a checkpoint replaces before they cost memory.
    ///
    /// # Errors
    ///
    /// An illegal configuration. It may come from a hostile file: allocate nothing sized by it.
    fn uninitialised(config: &Self::Config, device: &Device) -> Result<Self, ConfigError>;
}

/// What a file held: the network and the configuration it was built from.
#[derive(Debug, Clone)]
pub struct Checkpoint<M: Architecture> {
    /// The network, its parameters on the device asked for.
    pub model: M,
    /// The configuration stored in the file.
    pub config: M::Config,
}
