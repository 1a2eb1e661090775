//! One family of styles.

use super::{DocBlock, DocStyle, Docstring};

/// Parses the block.
pub fn parse(_text: &str, block: DocBlock, hint: DocStyle) -> Docstring {
    Docstring {
        block,
        style: hint,
        summary: 0..0,
        sections: Vec::new(),
        entries: Vec::new(),
        mentions: Vec::new(),
        examples: Vec::new(),
        problems: Vec::new(),
        inherits: false,
    }
}
