//! Guidance of diffusion sampling, for Burn.
//!
//! This room is furnished later; nothing in it is implemented yet. It will hold cross-attention guidance at sampling
//! time and the personalisation loss:
//!
//! | method | paper | arXiv |
//! |---|---|---|
//! | A-STAR, attention segregation and retention | A-STAR: Test-time Attention Segregation and Retention for Text-to-image Synthesis | 2306.14544 |
//! | noise refinement | Fine-Grained Alignment and Noise Refinement for Compositional Text-to-Image Generation | 2503.06506 |
//! | semantic preservation loss | ClassDiffusion: More Aligned Personalization Tuning with Explicit Class Guidance | 2405.17532 |
//!
//! `cargo xtask papers` says what is done.
