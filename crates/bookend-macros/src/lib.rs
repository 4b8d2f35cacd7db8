//! The comfort of bookend: #[measured]; it expands to public API.
