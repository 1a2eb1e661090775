//! A picture in a conversation: its data as somebody attached it, or an address at which a provider finds it.
//!
//! Nothing here fetches one, and none is ever printed. What is attached is looked at as far as to know what it is, and goes on byte for byte.

use super::{PromptError, PromptLimits};
use base64::engine::general_purpose::STANDARD;
use base64::read::DecoderReader;
use std::fmt;
use std::io::{self, Read as _};

/// Bytes of a picture as it is sent, in base64: what Anthropic takes, which takes the least of all providers. Its own bytes are three quarters of
/// that.
pub const MOST_BYTES: usize = 5 << 20;
/// Pictures of one conversation. Of more, Anthropic takes only small ones.
pub const MOST_PICTURES: usize = 20;
/// Tokens that a picture counts for where sizes of prompts are compared: as many as most models have for a large one. What may be spent on one is
/// another matter, and for each format to say.
pub const TOKENS: usize = 1600;

/// As many bytes in the beginning of a file tell what it is.
const LONGEST_SIGN: usize = 12;
/// Letters of the longest address that is passed on.
const LONGEST_ADDRESS: usize = 4096;
/// What a name for an address on the inside ends with: in houses and firms, in clusters, and those that stand for any number written before them.
const INSIDE: [&str; 17] = [
    "local",
    "localhost",
    "localdomain",
    "internal",
    "intranet",
    "lan",
    "home",
    "arpa",
    "corp",
    "private",
    "svc",
    "consul",
    "nip.io",
    "sslip.io",
    "xip.io",
    "localtest.me",
    "lvh.me",
];

/// A picture.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Its address, or `data:` with all of it.
    url: String,
    /// What it is, and where in `url` its data begins; nothing of an address.
    data: Option<(Media, usize)>,
    detail: Option<Detail>,
    digest: blake3::Hash,
}

/// How closely a model is to look, in formats that have a place for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// As it likes.
    Auto,
    /// Roughly.
    Low,
    /// Closely.
    High,
}

/// What a picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Media {
    Png,
    Jpeg,
    Gif,
    Webp,
}

/// Why a picture is not shown to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// Neither attached nor somewhere on the web.
    #[error(
        "A picture is attached (`data:image/png;base64,…`) or has an address that begins with https:// or http://."
    )]
    Scheme,
    /// Attached in another way, or something else.
    #[error("A picture is attached as `image/png`, `image/jpeg`, `image/gif` or `image/webp`, in base64.")]
    Kind,
    /// Its data cannot be read.
    #[error("The data of the picture is no base64, or a part of it is missing.")]
    Data,
    /// Its data is that of something else.
    #[error("The data of the picture is not of the type that stands before it.")]
    Mismatch,
    /// Larger than [`MOST_BYTES`].
    #[error("The picture has more than {} bytes in base64, {} of its own; attach a smaller one.", MOST_BYTES, MOST_BYTES / 4 * 3)]
    TooLarge,
    /// An address that no provider is given.
    #[error(
        "The address of the picture is not one of the open web, without a password in it; attach the picture itself."
    )]
    Address,
    /// An address that opens more than a picture.
    #[error("There is a secret in the address of the picture; attach the picture itself.")]
    Secret,
}

impl Picture {
    /// The picture of a `data:` or of a web address.
    ///
    /// # Errors
    /// If it is neither, its data is not what it says, it is too large, or the address is none to hand on.
    pub fn of(url: String, detail: Option<Detail>) -> Result<Self, PictureError> {
        if let Some(rest) = after(&url, "data:") {
            let (media, data) = attached(rest)?;
            let head = format!("data:{};base64,", media.name());
            // Providers want the names of types as they are; some programs write them in another way.
            let url = if url.starts_with(&head) { url } else { head.clone() + data };
            return Ok(Self::made(url, Some((media, head.len())), detail));
        }
        if after(&url, "https://").is_none() && after(&url, "http://").is_none() {
            return Err(PictureError::Scheme);
        }
        if !is_open(&url) {
            return Err(PictureError::Address);
        }
        if !security::scan::scan(&url).is_empty() {
            return Err(PictureError::Secret);
        }
        Ok(Self::made(url, None, detail))
    }

    fn made(url: String, data: Option<(Media, usize)>, detail: Option<Detail>) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(detail.map_or("", Detail::name).as_bytes()).update(b" ").update(url.as_bytes());
        Self { url, data, detail, digest: hasher.finalize() }
    }

    /// Its address, or `data:` with all of it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The name of its type, and its data in base64; nothing where it has an address only.
    pub(crate) fn data(&self) -> Option<(&'static str, &str)> {
        let (media, start) = self.data?;
        Some((media.name(), self.url.get(start..).unwrap_or("")))
    }

    /// The address at which it is to be found; nothing where it is attached.
    pub(crate) fn address(&self) -> Option<&str> {
        self.data.is_none().then_some(&self.url)
    }

    /// How closely it is to be looked at, where somebody said so.
    pub(crate) fn detail(&self) -> Option<&'static str> {
        self.detail.map(Detail::name)
    }

    /// Stands for it.
    pub(super) fn digest(&self) -> &blake3::Hash {
        &self.digest
    }
}

/// Without the data and the address: what is printed may be kept.
impl fmt::Debug for Picture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.data.map_or("at an address", |(media, _)| media.name());
        formatter.debug_tuple("Picture").field(&kind).field(&self.url.len()).finish()
    }
}

impl Detail {
    /// The one of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        [Self::Auto, Self::Low, Self::High].into_iter().find(|detail| detail.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Low => "low",
            Self::High => "high",
        }
    }
}

impl Media {
    fn name(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
        }
    }

    fn by_name(name: &str) -> Option<Self> {
        // The wrong name of one is as usual as the right one.
        let name = if name.eq_ignore_ascii_case("image/jpg") { "image/jpeg" } else { name };
        [Self::Png, Self::Jpeg, Self::Gif, Self::Webp].into_iter().find(|media| name.eq_ignore_ascii_case(media.name()))
    }

    /// What data that begins so is.
    fn of(beginning: &[u8]) -> Option<Self> {
        let begins = |with: &[u8]| beginning.starts_with(with);
        match beginning {
            _ if begins(b"\x89PNG\r\n\x1a\n") => Some(Self::Png),
            _ if begins(b"\xff\xd8\xff") => Some(Self::Jpeg),
            _ if begins(b"GIF87a") || begins(b"GIF89a") => Some(Self::Gif),
            _ if begins(b"RIFF") && beginning.get(8..12) == Some(b"WEBP".as_slice()) => Some(Self::Webp),
            _ => None,
        }
    }
}

/// How much there is of pictures in a prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pictures {
    /// How many there are.
    pub count: usize,
    /// Bytes of their addresses and of all that is attached.
    pub bytes: usize,
}

impl Pictures {
    /// Of these, if there are no more than may be.
    ///
    /// # Errors
    /// If there are more, or there may be none.
    pub(super) fn of<'a>(
        pictures: impl Iterator<Item = &'a Picture>,
        limits: PromptLimits,
    ) -> Result<Self, PromptError> {
        let add = |sum: Self, picture: &Picture| Self { count: sum.count + 1, bytes: sum.bytes + picture.url.len() };
        let mut has_address = false;
        let pictures = pictures.inspect(|picture| has_address |= picture.address().is_some());
        let sum = pictures.fold(Self::default(), add);
        match sum {
            sum if sum.count <= limits.pictures && has_address && !limits.addresses => Err(PromptError::NoAddresses),
            sum if sum.count <= limits.pictures => Ok(sum),
            _ if limits.pictures == 0 => Err(PromptError::NoPictures),
            _ => Err(PromptError::TooManyPictures { limit: limits.pictures }),
        }
    }
}

/// What stands after the beginning of an address, which may be written in large letters.
fn after<'a>(url: &'a str, beginning: &str) -> Option<&'a str> {
    let (start, rest) = url.split_at_checked(beginning.len())?;
    start.eq_ignore_ascii_case(beginning).then_some(rest)
}

/// What is attached, and its data in base64, from what stands after `data:`.
fn attached(rest: &str) -> Result<(Media, &str), PictureError> {
    let (head, data) = rest.split_once(',').ok_or(PictureError::Kind)?;
    let (name, encoding) = head.split_once(';').ok_or(PictureError::Kind)?;
    let media = Media::by_name(name).filter(|_| encoding.eq_ignore_ascii_case("base64")).ok_or(PictureError::Kind)?;
    if data.len() > MOST_BYTES {
        return Err(PictureError::TooLarge);
    }
    match beginning(data).map(|bytes| Media::of(&bytes)) {
        Some(found) if found == Some(media) => Ok((media, data)),
        Some(_) => Err(PictureError::Mismatch),
        None => Err(PictureError::Data),
    }
}

/// The first bytes of what is written in base64; nothing where that is no base64, or is empty. The rest is checked too, and not kept.
fn beginning(base64: &str) -> Option<Vec<u8>> {
    let mut bytes = DecoderReader::new(base64.as_bytes(), &STANDARD);
    let mut beginning = Vec::with_capacity(LONGEST_SIGN);
    bytes.by_ref().take(LONGEST_SIGN as u64).read_to_end(&mut beginning).ok()?;
    io::copy(&mut bytes, &mut io::sink()).ok()?;
    (!beginning.is_empty()).then_some(beginning)
}

/// Whether a name is one of a machine on the inside.
fn is_inside(host: &str) -> bool {
    let ends = |end: &str| host.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    INSIDE.into_iter().any(ends)
}

/// Whether an address names a host of the open web and no more than that. A provider of one's own fetches from where it stands, and what
/// stands beside it is not there to be looked at by whoever asks; nor are addresses read by all in one way.
pub(crate) fn is_open(url: &str) -> bool {
    let is_plain = url.len() <= LONGEST_ADDRESS && url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let Some(uri) = url.parse::<hyper::Uri>().ok().filter(|_| is_plain) else { return false };
    let has_name = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    let host = uri.host().unwrap_or("").trim_end_matches('.').to_ascii_lowercase();
    let is_name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    // Numbers are written in many ways; no name ends with one.
    let is_outside = host.rsplit_once('.').is_some_and(|(before, last)| {
        !before.is_empty() && last.starts_with(|letter: char| letter.is_ascii_alphabetic()) && !is_inside(&host)
    });
    !has_name && is_name && is_outside
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use proptest::prelude::*;

    const PNG: &str = "iVBORw0KGgo=";

    fn of(url: &str) -> Result<Picture, PictureError> {
        Picture::of(url.to_owned(), None)
    }

    fn png(bytes: usize) -> String {
        let mut data = b"\x89PNG\r\n\x1a\n".to_vec();
        data.resize(bytes, 7);
        format!("data:image/png;base64,{}", STANDARD.encode(&data))
    }

    #[test]
    fn what_is_attached_goes_on_as_it_came() {
        for (name, data) in [
            ("image/png", PNG),
            ("image/jpeg", "/9j/4A=="),
            ("image/gif", "R0lGODdh"),
            ("image/gif", "R0lGODlhAQ=="),
            ("image/webp", "UklGRhoAAABXRUJQ"),
        ] {
            let url = format!("data:{name};base64,{data}");
            let picture = of(&url).unwrap();
            assert_eq!((picture.url(), picture.data(), picture.address()), (url.as_str(), Some((name, data)), None));
        }
        let other = of("DATA:image/JPG;BASE64,/9j/4A==").unwrap();
        assert_eq!(other.url(), "data:image/jpeg;base64,/9j/4A==", "as providers write it");
        assert_eq!(other.data(), Some(("image/jpeg", "/9j/4A==")));
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        for (url, expected) in [
            ("data:image/svg+xml;base64,PHN2Zz4=", PictureError::Kind),
            ("data:image/png,iVBORw0KGgo=", PictureError::Kind),
            ("data:image/png;charset=x;base64,iVBORw0KGgo=", PictureError::Kind),
            ("data:;base64,iVBORw0KGgo=", PictureError::Kind),
            ("data:image/png;base64", PictureError::Kind),
            ("data:image/png;base64,", PictureError::Data),
            ("data:image/png;base64,====", PictureError::Data),
            ("data:image/png;base64,iVBORw0KGgo", PictureError::Data),
            ("data:image/png;base64,iVBORw0KGgp=", PictureError::Data),
            ("data:image/png;base64,iVBORw0K\nGgo=", PictureError::Data),
            ("data:image/png;base64,iVBORw0K-_o=", PictureError::Data),
            ("data:image/png;base64,iVBO=w0KGgo=", PictureError::Data),
            ("data:image/png;base64,/9j/4A==", PictureError::Mismatch),
            ("data:image/webp;base64,UklGRhoAAABXQVZF", PictureError::Mismatch),
            ("data:image/png;base64,iVBORw==", PictureError::Mismatch),
            ("file:///etc/passwd", PictureError::Scheme),
            ("ftp://example.org/a.png", PictureError::Scheme),
            ("gopher://example.org", PictureError::Scheme),
            ("/a.png", PictureError::Scheme),
            ("", PictureError::Scheme),
            ("é", PictureError::Scheme),
        ] {
            assert_eq!(of(url), Err(expected), "{url}");
        }
    }

    #[test]
    fn the_largest_picture_is_taken_and_no_larger_one() {
        let most = MOST_BYTES / 4 * 3;
        assert!(of(&png(most)).is_ok());
        for more in [1, 2, 3, 1000] {
            assert_eq!(of(&png(most + more)), Err(PictureError::TooLarge));
        }
    }

    #[test]
    fn an_address_is_one_of_the_open_web() {
        for url in [
            "https://example.org/a.png",
            "HTTP://Example.org:8080/a?b=c#d",
            "https://xn--bcher-kva.example/a.png",
            "https://a_b.example.org.",
            "https://notnip.io/a.png",
            "https://corp.example.org/svc",
        ] {
            let picture = of(url).unwrap();
            assert_eq!((picture.address(), picture.data()), (Some(url), None));
        }
        for url in [
            "http://localhost/a.png",
            "http://printer/a.png",
            "http://127.0.0.1/a.png",
            "http://127.1/a.png",
            "http://0x7f.0x1/a.png",
            "http://2130706433/a.png",
            "http://169.254.169.254/latest/meta-data",
            "http://8.8.8.8/a.png",
            "http://[::1]/a.png",
            "http://[::ffff:127.0.0.1]/a.png",
            "http://metadata.google.internal/a.png",
            "http://nas.local./a.png",
            "http://10.0.0.1.nip.io/a.png",
            "http://127-0-0-1.sslip.io/a.png",
            "http://db.prod.svc/a.png",
            "http://db.prod.svc.cluster.local/a.png",
            "http://wiki.CORP/a.png",
            "http://wiki.private/a.png",
            "http://vault.service.consul/a.png",
            "http://nas.lan/a.png",
            "http://nas.home.arpa/a.png",
            "http://.org/a.png",
            "http://%6cocalhost.org/a.png",
            "https://example.org\\@localhost/a.png",
            "https://ann:word@example.org/a.png",
            "https://example.org/ä.png",
            "https://example.org/a b.png",
            "https://",
        ] {
            assert_eq!(of(url), Err(PictureError::Address), "{url}");
        }
        let long = format!("https://example.org/{}", "a".repeat(LONGEST_ADDRESS));
        assert!(of(&long[..LONGEST_ADDRESS]).is_ok());
        assert_eq!(of(&long[..=LONGEST_ADDRESS]), Err(PictureError::Address));
        let secret = ["ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"].concat();
        assert_eq!(of(&format!("https://example.org/a.png?token={secret}")), Err(PictureError::Secret));
    }

    #[test]
    fn nothing_of_it_is_printed_and_its_digest_stands_for_all_of_it() {
        let made = [
            of(&png(20)).unwrap(),
            of(&png(21)).unwrap(),
            Picture::of(png(20), Some(Detail::Low)).unwrap(),
            Picture::of(png(20), Some(Detail::High)).unwrap(),
            of("https://example.org/a.png").unwrap(),
            of("https://example.org/b.png").unwrap(),
        ];
        for (at, one) in made.iter().enumerate() {
            let printed = format!("{one:?}");
            assert!(!printed.contains("iVBOR") && !printed.contains("example"), "{printed}");
            assert!(made[at + 1..].iter().all(|other| one.digest() != other.digest()));
        }
        assert_eq!(of(&png(20)).unwrap().digest(), made[0].digest());
        let names = ["auto", "low", "high", "original"];
        assert_eq!(
            names.map(|name| Detail::by_name(name).map(Detail::name)),
            [Some("auto"), Some("low"), Some("high"), None]
        );
    }

    proptest! {
        #[test]
        fn what_is_cut_short_or_has_another_letter_somewhere_is_other_data_or_none(
            bytes in prop::collection::vec(any::<u8>(), 1..40), at in 0usize..60, letter in any::<char>(),
        ) {
            let text = STANDARD.encode(&bytes);
            let expected = &bytes[..bytes.len().min(LONGEST_SIGN)];
            let found = beginning(&text);
            prop_assert_eq!(found.as_deref(), Some(expected));
            let mut other: Vec<char> = text.chars().collect();
            let at = at % other.len();
            prop_assert_eq!(beginning(&text[..at]).is_some(), at > 0 && at.is_multiple_of(4));
            other[at] = letter;
            let other: String = other.into_iter().collect();
            // All of it is checked, not only the beginning.
            prop_assert_eq!(beginning(&other).is_some(), STANDARD.decode(&other).is_ok());
        }
    }
}
