use candor_core::ConfigError;

/// The head size of a file that does not name it.
pub(in crate::causal_lm) fn even_head_dim(
    hidden_size: usize,
    num_heads: usize,
) -> Result<usize, ConfigError> {
    const NAME: &str = "CausalLmConfig";
    ConfigError::at_least_one(NAME, "num_heads", num_heads)?;
    if hidden_size.is_multiple_of(num_heads) {
        return Ok(hidden_size / num_heads);
    }
    let problem = format!("hidden_size = {hidden_size} is no multiple of num_heads = {num_heads}");
    Err(ConfigError::contradiction(NAME, problem))
}
