//! Learning against adversarially chosen losses, for Burn.
//!
//! It holds:
//!
//! | method | paper | arXiv |
//! |---|---|---|
//! | normalised gradient descent and the perceptron | From Logistic Regression to the Perceptron Algorithm: Exploring Gradient Descent with Large Step Sizes | 2412.08424 |
//! | policy optimisation in adversarial MDPs | Refined Regret for Adversarial MDPs with Linear Function Approximation | 2301.12942 |
//!
//! `cargo xtask papers` says what is done.

pub mod mdp;
