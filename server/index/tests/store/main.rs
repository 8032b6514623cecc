//! The store through its public interface: changes, crashes, damage, readers, and equality with a fresh index.

#![allow(clippy::unwrap_used)]

mod changes;
mod damage;
mod equality;
mod kills;
mod readers;
mod support;
