//! The catalog: the truth about files, analyses and vectors, in one SQLite file.
