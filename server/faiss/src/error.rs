//! The one error type of this crate.

/// Why vectors, a graph or a file were refused. Every input is checked here: FAISS itself takes anything.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A vector has another number of dimensions than the set, or a set has none or more than [`crate::MAX_DIM`].
    #[error("vector of {found} dimensions where {expected} are expected")]
    Dimension {
        /// What the set has, or the nearest permitted number.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// The vector holds an infinity or is not a number somewhere.
    #[error("vector with a value that is not finite")]
    NotFinite,
    /// All values are zero (or too small to be scaled): such a vector has no direction.
    #[error("vector of zeros")]
    Zero,
    /// Codes and scales disagree about the number of vectors.
    #[error("{codes} codes and {scales} scales do not make vectors of {dim} dimensions")]
    Shape {
        /// Number of int8 codes.
        codes: usize,
        /// Number of scales.
        scales: usize,
        /// Dimensions of one vector.
        dim: usize,
    },
    /// A scale is zero, negative or not finite.
    #[error("scale {scale} of vector {id} is not a positive number")]
    Scale {
        /// The vector.
        id: usize,
        /// Its scale.
        scale: f32,
    },
    /// Ids are 32-bit and FAISS's are signed.
    #[error("{0} vectors are more than a graph can hold")]
    TooMany(usize),
    /// An id that the set does not have.
    #[error("id {id} in a set of {count} vectors")]
    Id {
        /// The id.
        id: u32,
        /// How many vectors there are.
        count: usize,
    },
    /// A setting of the graph is out of its range.
    #[error("hnsw setting {name} = {value} is outside {min}..={max}")]
    Parameter {
        /// Name of the field in [`crate::HnswParams`].
        name: &'static str,
        /// The refused value.
        value: usize,
        /// Smallest permitted value.
        min: usize,
        /// Largest permitted value.
        max: usize,
    },
    /// The cancel flag was raised.
    #[error("cancelled")]
    Cancelled,
    /// FAISS threw an exception, or a building thread panicked.
    #[error("faiss: {0}")]
    Faiss(String),
    /// A file is truncated, altered, of another version, or was made for other vectors. Rebuild it.
    #[error("graph file cannot be used: {0}")]
    Format(&'static str),
    /// A typed view of a file starts or ends off the type's boundary, or past the end.
    #[error("bytes {start}..{end} of a mapped file of {len} bytes are no array of the wanted type")]
    View {
        /// First byte.
        start: usize,
        /// One past the last byte.
        end: usize,
        /// Length of the file.
        len: usize,
    },
    /// Reading, writing or mapping failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    pub(crate) fn io(path: &std::path::Path, source: std::io::Error) -> Self {
        Self::Io { path: path.display().to_string(), source }
    }
}

/// Result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
