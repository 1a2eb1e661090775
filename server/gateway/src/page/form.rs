//! The fields and files of a form. What it holds goes to the same functions as the bodies of the interface, held against the same schemas.

use crate::error::{Kind, Problem};
use crate::state::Gateway;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header;

/// The most fields and files of a form.
const MOST: usize = 1000;

/// A form that was sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    fields: Vec<(String, String)>,
    /// Files by the name that they have with their owner, without folders.
    pub files: Vec<(String, String)>,
}

impl Form {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// If it is no form, too large, or a file is no text.
    pub async fn read(request: &mut Request, gateway: &Gateway) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
        let is_multipart = kind.starts_with("multipart/form-data");
        let is_plain = kind.starts_with("application/x-www-form-urlencoded");
        let mut sent = Request::new(std::mem::replace(request.body_mut(), Body::empty()));
        *sent.headers_mut() = request.headers().clone();
        *sent.extensions_mut() = request.extensions().clone();
        let form = if is_multipart {
            Self::of_parts(sent, gateway).await?
        } else if is_plain {
            let bytes = Bytes::from_request(sent, gateway).await.map_err(|error| unread(error.status().as_u16()))?;
            let fields = form_urlencoded::parse(&bytes).take(MOST + 1);
            Self { fields: fields.map(|(name, value)| (name.into(), value.into())).collect(), files: Vec::new() }
        } else {
            return Err(Problem::new(Kind::UnsupportedMediaType, "A page takes forms only."));
        };
        match form.fields.len() + form.files.len() > MOST {
            true => Err(Problem::new(Kind::Invalid, format!("A form has {MOST} fields and files at most."))),
            false => Ok(form),
        }
    }

    async fn of_parts(sent: Request, gateway: &Gateway) -> Result<Self, Problem> {
        let mut parts =
            Multipart::from_request(sent, gateway).await.map_err(|error| unread(error.status().as_u16()))?;
        let mut form = Self::default();
        while let Some(part) = parts.next_field().await.map_err(|error| unread(error.status().as_u16()))? {
            if form.fields.len() + form.files.len() > MOST {
                break;
            }
            let name = part.name().unwrap_or_default().to_owned();
            let file = part.file_name().map(|name| name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned());
            let bytes = part.bytes().await.map_err(|error| unread(error.status().as_u16()))?;
            let text = String::from_utf8(bytes.into());
            match (file, text) {
                // A browser sends an empty one where none was chosen.
                (Some(file), Ok(text)) if file.is_empty() && text.is_empty() => {}
                (Some(file), Ok(text)) => form.files.push((file, text)),
                (Some(file), Err(_)) => {
                    return Err(Problem::new(Kind::Invalid, format!("The file `{file}` is no text in UTF-8.")));
                }
                (None, Ok(text)) => form.fields.push((name, text)),
                (None, Err(_)) => return Err(Problem::new(Kind::Invalid, format!("`{name}` is no text in UTF-8."))),
            }
        }
        Ok(form)
    }

    /// The value of a field.
    pub fn get(&self, wanted: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }

    /// The value of a field; empty where there is none.
    pub fn text(&self, wanted: &str) -> &str {
        self.get(wanted).unwrap_or_default()
    }

    /// The value of a field in which something was typed.
    pub fn typed(&self, wanted: &str) -> Option<&str> {
        self.get(wanted).filter(|value| !value.trim().is_empty())
    }

    /// The values of all fields of this name.
    pub fn all<'a>(&'a self, wanted: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }
}

fn unread(status: u16) -> Problem {
    match status {
        413 => Problem::new(Kind::TooLarge, "The form has more bytes than are allowed."),
        _ => Problem::new(Kind::Invalid, "The form could not be read to its end."),
    }
}
