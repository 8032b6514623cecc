//! Hard conditions of a query turned into a set of slots.
