//! The forms of secrets as data: a word that must be near, a pattern, and what must hold besides. One line a form.

/// What a secret opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretKind {
    /// An access key of AWS.
    AwsAccessKey,
    /// A secret key of AWS.
    AwsSecretKey,
    /// A token of GitHub.
    GithubToken,
    /// A token of GitLab.
    GitlabToken,
    /// A token or web hook of Slack.
    SlackToken,
    /// A key of Stripe.
    StripeKey,
    /// A key of Google's interfaces.
    GoogleApiKey,
    /// A key of OpenAI.
    OpenaiKey,
    /// A key of Anthropic.
    AnthropicKey,
    /// A token of npm.
    NpmToken,
    /// A token of PyPI.
    PypiToken,
    /// A signed JSON web token.
    JsonWebToken,
    /// A private key in PEM.
    PrivateKey,
    /// A storage key of Azure.
    AzureKey,
    /// A key of Twilio.
    TwilioKey,
    /// A key of SendGrid.
    SendgridKey,
    /// A token of Hugging Face.
    HuggingFaceToken,
    /// A token of DigitalOcean.
    DigitaloceanToken,
    /// A token of another service, which its beginning gives away.
    ServiceToken,
    /// User and password in an address.
    UrlPassword,
    /// A password, token or key by its name and its randomness.
    Generic,
}

impl SecretKind {
    /// Its name with an article, for messages.
    pub fn label(self) -> &'static str {
        match self {
            Self::AwsAccessKey => "an AWS access key",
            Self::AwsSecretKey => "an AWS secret key",
            Self::GithubToken => "a GitHub token",
            Self::GitlabToken => "a GitLab token",
            Self::SlackToken => "a Slack token",
            Self::StripeKey => "a Stripe key",
            Self::GoogleApiKey => "a Google API key",
            Self::OpenaiKey => "an OpenAI key",
            Self::AnthropicKey => "an Anthropic key",
            Self::NpmToken => "an npm token",
            Self::PypiToken => "a PyPI token",
            Self::JsonWebToken => "a JSON web token",
            Self::PrivateKey => "a private key",
            Self::AzureKey => "an Azure key",
            Self::TwilioKey => "a Twilio key",
            Self::SendgridKey => "a SendGrid key",
            Self::HuggingFaceToken => "a Hugging Face token",
            Self::DigitaloceanToken => "a DigitalOcean token",
            Self::ServiceToken => "a token of a service",
            Self::UrlPassword => "a password in an address",
            Self::Generic => "a secret",
        }
    }
}

/// One form.
pub(crate) struct Format {
    pub kind: SecretKind,
    /// Cheap words of which one must occur; matched without regard to case.
    pub keywords: &'static [&'static str],
    /// The secret is group 1 where there is one, else the whole match.
    pub pattern: &'static str,
    /// Least Shannon entropy of the secret, in bits a character.
    pub entropy: f32,
}

const fn format(kind: SecretKind, keywords: &'static [&'static str], pattern: &'static str, entropy: f32) -> Format {
    Format { kind, keywords, pattern, entropy }
}

/// A bare `sk` stands in too many words.
const TWILIO: &[&str] = &[
    "twilio", "sk0", "sk1", "sk2", "sk3", "sk4", "sk5", "sk6", "sk7", "sk8", "sk9", "ska", "skb", "skc", "skd", "ske",
    "skf",
];

/// Beginnings of tokens that nothing else begins with, as the services document them.
const SERVICES: &[&str] = &[
    "dp.pt.",
    "dp.st.",
    "dp.ct.",
    "dp.scim.",
    "pmak-",
    "shpat_",
    "shpca_",
    "shppa_",
    "shpss_",
    "lin_api_",
    "rubygems_",
    "pul-",
    "glsa_",
    "glc_eyj",
    "sntrys_",
    "sntryu_",
    "dckr_pat_",
    "atatt3",
    "atctt3",
    "dapi",
    "sq0atp-",
    "sq0csp-",
    "nrak-",
    "pscale_",
    "hvs.",
    "hvb.",
    "figd_",
    "ntn_",
    "xkeysib-",
    "shippo_live_",
    "tfp_",
    "nfp_",
    "hrku-",
    "dt0c01.",
    "age-secret-key-1",
    "ops_eyj",
    "pplx-",
    "gsk_",
    "r8_",
    "xai-",
    "sk-or-v1-",
    "lsv2_",
    "duffel_live_",
    "ezak",
    "flwseck",
    "akcp",
    "sbp_",
    "tskey-",
    "phc_",
    "phx_",
    "fo1_",
    "fm2_",
];

/// All forms, more particular ones first: where two match, the first one names the secret.
pub(crate) static FORMATS: &[Format] = &[
    // The longest first: whatever looks like another secret within it is a part of it.
    format(
        SecretKind::PrivateKey,
        &["private key"],
        // In code its lines may be indented, be strings, or stand behind marks of comments, and headers may come first. To its end, where that is there.
        concat!(
            r"(-----BEGIN (?:[A-Z]+ ){0,2}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-[^-]){0,200}?",
            // By its first characters it is told from what only stands for a key.
            r"([A-Za-z0-9+/=\\\r\n]{40})[A-Za-z0-9+/=\\\r\n]*(?:[^-A-Za-z0-9+/=]{1,60}[A-Za-z0-9+/=\\\r\n]{40,})*",
            r"(?:(?:[^-]|-{1,4}[^-])*?-----END (?:[A-Z]+ ){0,2}PRIVATE KEY(?: BLOCK)?-----)?)",
        ),
        0.0,
    ),
    format(
        SecretKind::AwsAccessKey,
        &["akia", "asia", "abia", "acca"],
        r"\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b",
        3.0,
    ),
    format(
        SecretKind::AwsSecretKey,
        &["aws"],
        r#"(?i-u:aws[\w.\- ]{0,20}?(?:secret|sk)[\w.\- ]{0,20}?)['"]?\s*[=:]\s*['"]?([A-Za-z0-9/+]{40})\b"#,
        4.0,
    ),
    format(
        SecretKind::GithubToken,
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
        r"\b((?:gh[pousr]_[A-Za-z0-9]{36,255})|(?:github_pat_[A-Za-z0-9_]{60,255}))\b",
        3.0,
    ),
    format(
        SecretKind::GitlabToken,
        &["glpat-", "gldt-", "glrt-", "glcbt-", "glptt-"],
        r"\b(gl(?:pat|dt|rt|cbt|ptt)-[A-Za-z0-9_\-]{20,64})",
        3.0,
    ),
    format(SecretKind::SlackToken, &["xox"], r"\b(xox[abeoprs]-(?:[0-9A-Za-z]+-){1,4}[0-9A-Za-z]{10,64})\b", 3.0),
    format(
        SecretKind::SlackToken,
        &["hooks.slack.com"],
        r"(https://hooks\.slack\.com/services/T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{20,})",
        3.0,
    ),
    format(
        SecretKind::StripeKey,
        &["sk_live_", "rk_live_", "sk_test_", "rk_test_", "whsec_"],
        r"\b((?:(?:sk|rk)_(?:live|test)_|whsec_)[A-Za-z0-9]{20,247})\b",
        3.0,
    ),
    format(SecretKind::GoogleApiKey, &["aiza"], r"\b(AIza[0-9A-Za-z_\-]{35})", 3.0),
    format(SecretKind::GoogleApiKey, &["gocspx-"], r"\b(GOCSPX-[0-9A-Za-z_\-]{28})", 3.0),
    format(SecretKind::AnthropicKey, &["sk-ant-"], r"\b(sk-ant-[a-z0-9]{3,12}-[A-Za-z0-9_\-]{20,120})", 3.5),
    format(
        SecretKind::OpenaiKey,
        &["t3blbkfj", "sk-proj-", "sk-svcacct-", "sk-"],
        r"\b(sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_\-]{20,200}T3BlbkFJ[A-Za-z0-9_\-]{20,200}|sk-(?:proj|svcacct|admin)-[A-Za-z0-9_\-]{40,200}|sk-[A-Za-z0-9]{48})\b",
        3.5,
    ),
    format(SecretKind::NpmToken, &["npm_"], r"\b(npm_[A-Za-z0-9]{36})\b", 3.0),
    format(SecretKind::PypiToken, &["pypi-ageichlwas5vcmc"], r"\b(pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_\-]{50,})", 3.0),
    format(SecretKind::SendgridKey, &["sg."], r"\b(SG\.[A-Za-z0-9_\-]{20,24}\.[A-Za-z0-9_\-]{39,50})", 3.5),
    format(SecretKind::TwilioKey, TWILIO, r"\b(SK[0-9a-f]{32})\b", 3.0),
    format(SecretKind::HuggingFaceToken, &["hf_"], r"\b(hf_[A-Za-z]{34,40})\b", 3.0),
    format(SecretKind::DigitaloceanToken, &["dop_v1_", "doo_v1_", "dor_v1_"], r"\b(do[por]_v1_[0-9a-f]{64})\b", 3.0),
    format(
        SecretKind::ServiceToken,
        SERVICES,
        r"\b(dp\.(?:pt|st|ct|scim)\.(?:[a-z0-9\-]{2,35}\.)?[A-Za-z0-9]{40,44}|PMAK-[0-9a-f]{24}-[0-9a-f]{34}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|lin_api_[A-Za-z0-9]{40}|rubygems_[0-9a-f]{48}|pul-[0-9a-f]{40}|glsa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8}|glc_eyJ[A-Za-z0-9+/=]{32,400}|sntry[su]_[A-Za-z0-9+/=_\-]{43,400}|dckr_pat_[A-Za-z0-9_\-]{27}|AT[AC]TT3[A-Za-z0-9_\-=]{60,250}|dapi[0-9a-f]{32}(?:-\d)?|sq0(?:atp|csp)-[0-9A-Za-z_\-]{22,43})",
        3.0,
    ),
    format(
        SecretKind::ServiceToken,
        SERVICES,
        r"\b(NRAK-[A-Z0-9]{27}|pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_=.\-]{32,64}|hv[sb]\.[A-Za-z0-9_\-]{90,300}|hvs\.[A-Za-z0-9]{24}|figd_[A-Za-z0-9_\-]{38,42}|ntn_[0-9]{11}[A-Za-z0-9]{32,40}|xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}|shippo_live_[0-9a-f]{40}|tfp_[A-Za-z0-9_.=\-]{59}|nfp_[A-Za-z0-9]{36}|HRKU-AA[A-Za-z0-9_\-]{58}|dt0c01\.[A-Za-z0-9]{24}\.[A-Za-z0-9]{64}|AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}|ops_eyJ[A-Za-z0-9+/=]{250,}|pplx-[A-Za-z0-9]{48}|gsk_[A-Za-z0-9]{52}|r8_[A-Za-z0-9]{37}|xai-[A-Za-z0-9]{80}|sk-or-v1-[0-9a-f]{64}|lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}|duffel_live_[A-Za-z0-9_\-=]{43}|EZAK[A-Za-z0-9]{54}|FLWSECK(?:_TEST)?-[0-9a-zA-Z]{12,40}-X|AKCp[A-Za-z0-9]{69}|sbp_[0-9a-f]{40}|tskey-[a-z]+-[A-Za-z0-9]{12,20}-[A-Za-z0-9]{20,40}|ph[cx]_[A-Za-z0-9]{43}|fm2_[A-Za-z0-9+/=]{60,}|fo1_[A-Za-z0-9_\-]{43})",
        3.0,
    ),
    format(
        SecretKind::AzureKey,
        &["accountkey=", "sharedaccesskey="],
        r"(?i-u:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{43,86}={1,2})",
        4.0,
    ),
    format(
        SecretKind::JsonWebToken,
        &["eyj"],
        r"\b(eyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{20,})",
        3.5,
    ),
    format(
        SecretKind::UrlPassword,
        &["://"],
        r"\b[a-z][a-z0-9+.\-]{1,15}://[^\s/:@'\x22<>{}$]{1,64}:([^\s/:@'\x22<>{}$]{6,128})@[A-Za-z0-9.\-]+\.[A-Za-z0-9\-]+",
        2.8,
    ),
    format(
        SecretKind::Generic,
        &[
            "password",
            "passwd",
            "secret",
            "token",
            "api_key",
            "apikey",
            "api-key",
            "access_key",
            "auth_key",
            "private_key",
            "credential",
        ],
        r#"(?i-u:passw(?:or)?d|secret|token|api[_\-]?key|access[_\-]?key|auth[_\-]?key|private[_\-]?key|credential)[\w.\-]{0,40}['"]?\s*(?::=|=>|[:=])\s*['"]([^\s'"]{12,200})['"]"#,
        3.5,
    ),
];

/// Parts of values that show that nobody is let in by them.
pub(crate) const PLACEHOLDERS: &[&str] = &[
    "example",
    "changeme",
    "change_me",
    "change-me",
    "placeholder",
    "your_",
    "your-",
    "yourtoken",
    "yourkey",
    "insert",
    "replace",
    "dummy",
    "sample",
    "xxxx",
    "0000000",
    "1234567",
    "abcdef",
    "redacted",
    "fake",
    "testtest",
    "notasecret",
    "not-a-secret",
    "not_a_secret",
    "foobar",
    "secret_key_here",
    "todo",
    "${",
    "{{",
    "#{",
    "$(",
    "%(",
    "process.env",
    "os.environ",
    "getenv",
    "....",
    "****",
    "lorem",
];
