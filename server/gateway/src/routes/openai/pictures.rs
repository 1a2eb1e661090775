//! The pieces of a message in OpenAI's format: words, and pictures among them.
//!
//! A picture goes on as it came, or is refused with its place; nothing of it is printed, and no address is followed.

use super::wire::Role;
use crate::error::{Kind, Problem};
use engine::converse::{Detail, MOST_PICTURES, Picture, PromptError, Shown};
use serde::Deserialize;
use std::fmt;
use utoipa::ToSchema;

/// What is said, in one piece or in several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Content {
    /// A text.
    Text(String),
    /// Texts, and pictures among them in messages of the user.
    Parts(Vec<Part>),
}

/// A piece of a message.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = MessagePart)]
pub(super) struct Part {
    /// What it is: `text` or `image_url`. Sound and files do not go through this service.
    #[schema(max_length = 100, example = "text")]
    r#type: String,
    /// The text of a `text`.
    text: Option<String>,
    /// The picture of an `image_url`.
    image_url: Option<PictureEntry>,
}

/// A picture.
#[derive(Deserialize, ToSchema)]
#[schema(as = ChatPicture)]
struct PictureEntry {
    /// All of it, `data:image/png;base64,…` (also `jpeg`, `gif` and `webp`), of 5 MiB in base64 at most, 20 in a conversation; or its address on the web,
    /// which goes on to models whose provider fetches it. This service fetches none.
    #[schema(example = "data:image/png;base64,iVBORw0KGgo=")]
    url: String,
    /// How closely the model is to look, `auto`, `low` or `high`, where its provider lets that be said.
    #[schema(max_length = 20, example = "auto")]
    detail: Option<String>,
}

/// Without the picture: what is printed may be kept.
impl fmt::Debug for PictureEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PictureEntry").field("bytes", &self.url.len()).finish_non_exhaustive()
    }
}

/// What a message says.
pub(super) enum Words {
    /// A text.
    Text(String),
    /// Pictures, and the words around them.
    Shown(Vec<Shown>),
}

impl Content {
    /// The number of the first piece that is a picture.
    pub fn first_picture(&self) -> Option<usize> {
        match self {
            Self::Text(_) => None,
            Self::Parts(parts) => parts.iter().position(|part| part.r#type == "image_url"),
        }
    }

    /// What it says, in the message at this place; `count` is that of the pictures so far.
    ///
    /// # Errors
    /// If there is something else in it than words and pictures, or a picture that cannot be sent on.
    pub fn words(self, role: Role, count: &mut usize, at: &str) -> Result<Words, Problem> {
        let parts = match self {
            Self::Text(text) => return Ok(Words::Text(text)),
            Self::Parts(parts) => parts,
        };
        let (mut texts, mut shown): (Vec<String>, Vec<Shown>) = (Vec::with_capacity(parts.len()), Vec::new());
        for (number, part) in parts.into_iter().enumerate() {
            let refused = |place: &str, said: String| {
                Problem::new(Kind::Refused, said).at(format!("{at}/content/{number}{place}"))
            };
            match (part.r#type.as_str(), part.text, part.image_url) {
                ("text", Some(text), _) => texts.push(text),
                ("image_url", _, Some(_)) if role != Role::User => {
                    let said = "Only messages of the user (`user`) show pictures in this format.";
                    return Err(refused("", said.to_owned()));
                }
                ("image_url", _, Some(PictureEntry { url, detail })) => {
                    *count += 1;
                    if *count > MOST_PICTURES {
                        let error = PromptError::TooManyPictures { limit: MOST_PICTURES };
                        return Err(refused("", error.to_string()));
                    }
                    let detail = detail.as_deref().and_then(Detail::by_name);
                    let picture = Picture::of(url, detail);
                    let picture = picture.map_err(|error| refused("/image_url/url", error.to_string()))?;
                    shown.extend(together(std::mem::take(&mut texts)).map(Shown::Text));
                    shown.push(Shown::Picture(picture));
                }
                ("text" | "image_url", ..) => {
                    let said = format!("The piece is a `{0}` without its `{0}`.", part.r#type);
                    return Err(refused("", said));
                }
                _ => {
                    let said = "Only pieces of the types `text` and `image_url` go through this service; sound and files do not.";
                    return Err(refused("", said.to_owned()));
                }
            }
        }
        if shown.is_empty() {
            return Ok(Words::Text(texts.join("\n\n")));
        }
        shown.extend(together(texts).map(Shown::Text));
        Ok(Words::Shown(shown))
    }
}

/// Texts as one, where they say anything.
fn together(texts: Vec<String>) -> Option<String> {
    Some(texts.join("\n\n")).filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const PNG: &str = "data:image/png;base64,iVBORw0KGgo=";

    fn text(text: &str) -> Value {
        json!({ "type": "text", "text": text })
    }

    fn picture(url: &str) -> Value {
        json!({ "type": "image_url", "image_url": { "url": url } })
    }

    fn read(parts: Value, role: Role, count: &mut usize) -> Result<Words, String> {
        let content: Content = serde_json::from_value(parts).unwrap();
        assert!(!format!("{content:?}").contains("iVBOR"), "nothing of a picture is printed");
        content.words(role, count, "/messages/2").map_err(|problem| problem.pointer().unwrap_or("").to_owned())
    }

    fn shown(parts: Value) -> Vec<Shown> {
        match read(parts, Role::User, &mut 0).unwrap() {
            Words::Shown(shown) => shown,
            Words::Text(text) => panic!("{text}"),
        }
    }

    #[test]
    fn words_and_pictures_keep_their_order() {
        let png = |detail| Shown::Picture(Picture::of(PNG.to_owned(), detail).unwrap());
        let words = |text: &str| Shown::Text(text.to_owned());
        let mut closely = picture(PNG);
        closely["image_url"]["detail"] = json!("high");
        let parts = json!([text("a"), text("b"), picture(PNG), closely, text(" "), text("c")]);
        assert_eq!(shown(parts), [words("a\n\nb"), png(None), png(Some(Detail::High)), words(" \n\nc")]);
        let parts = json!([text(""), picture(PNG), text(" \n")]);
        assert_eq!(shown(parts), [png(None)], "what says nothing is left out");
        let mut novel = picture(PNG);
        novel["image_url"]["detail"] = json!("original");
        assert_eq!(shown(json!([novel])), [png(None)], "what is not known is passed over");
        let plain = read(json!([text("a"), text("")]), Role::User, &mut 0).unwrap();
        assert!(matches!(plain, Words::Text(said) if said == "a\n\n"));
    }

    #[test]
    fn what_is_no_picture_is_refused_with_its_place() {
        let (first, url) = ("/messages/2/content/0", "/messages/2/content/0/image_url/url");
        for (part, place) in [
            (json!({ "type": "input_audio", "input_audio": { "data": "", "format": "wav" } }), first),
            (json!({ "type": "file", "file": { "file_id": "f" } }), first),
            (json!({ "type": "refusal", "refusal": "no" }), first),
            (json!({ "type": "text" }), first),
            (json!({ "type": "image_url" }), first),
            (json!({ "type": "image_url", "text": "a" }), first),
            (picture("data:image/png;base64,iVBORw0KGgo"), url),
            (picture("data:image/jpeg;base64,iVBORw0KGgo="), url),
            (picture("data:image/svg+xml;base64,PHN2Zz4="), url),
            (picture("file:///etc/passwd"), url),
            (picture("http://169.254.169.254/"), url),
        ] {
            assert_eq!(read(json!([part]), Role::User, &mut 0).err().as_deref(), Some(place), "{part}");
        }
        for role in [Role::System, Role::Developer, Role::Assistant, Role::Tool] {
            assert_eq!(read(json!([picture(PNG)]), role, &mut 0).err().as_deref(), Some(first), "{role:?}");
        }
    }

    #[test]
    fn twenty_pictures_are_shown_and_no_more() {
        let mut count = 0;
        for _ in 0..4 {
            assert!(
                read(
                    json!([picture(PNG), picture(PNG), picture(PNG), picture(PNG), picture(PNG)]),
                    Role::User,
                    &mut count
                )
                .is_ok()
            );
        }
        assert_eq!(count, MOST_PICTURES);
        let refused = read(json!([text("a"), picture(PNG)]), Role::User, &mut count);
        assert_eq!(refused.err().as_deref(), Some("/messages/2/content/1"));
    }
}
