//! Reads the text format of Prometheus. What is no figure in it is passed over; nothing in it makes the reading fail.

/// A figure with its labels.
#[derive(Clone, Debug, PartialEq)]
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

/// All figures of one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures(Vec<Sample>);

/// Labels that a figure must have.
pub type Wanted<'a> = &'a [(&'a str, &'a str)];

impl Figures {
    /// Reads them out of a text.
    pub fn of(text: &str) -> Self {
        Self(text.lines().filter(|line| !line.starts_with('#')).filter_map(sample).collect())
    }

    /// Whether there is a figure of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|sample| sample.name == name)
    }

    fn matching<'a>(&'a self, name: &'a str, wanted: Wanted<'a>) -> impl Iterator<Item = &'a Sample> {
        self.0.iter().filter(move |sample| {
            sample.name == name && wanted.iter().all(|(label, value)| sample.label(label) == *value)
        })
    }

    /// The sum of the figures of this name that have these labels.
    pub fn sum(&self, name: &str, wanted: Wanted<'_>) -> f64 {
        self.sum_where(name, wanted, |_| true)
    }

    /// The sum of those whose labels are liked too.
    pub fn sum_where(&self, name: &str, wanted: Wanted<'_>, is_liked: impl Fn(&dyn Fn(&str) -> String) -> bool) -> f64 {
        let liked = self.matching(name, wanted).filter(|sample| is_liked(&|label| sample.label(label).to_owned()));
        // The sum of nothing is -0.0.
        liked.map(|sample| sample.value).filter(|value| value.is_finite()).sum::<f64>() + 0.0
    }

    /// The values that a label of figures has, each once, in order.
    pub fn values(&self, name: &str, label: &str) -> Vec<String> {
        let mut values: Vec<String> = self.matching(name, &[]).map(|sample| sample.label(label).to_owned()).collect();
        values.sort();
        values.dedup();
        values
    }

    /// The buckets of a histogram, added up over all series with these labels: upper bounds with how many are not above them.
    pub fn buckets(&self, name: &str, wanted: Wanted<'_>, is_liked: impl Fn(&str) -> bool) -> Vec<(f64, f64)> {
        let name = format!("{name}_bucket");
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for sample in self.matching(&name, wanted).filter(|sample| is_liked(sample.label("http_route"))) {
            let Some(bound) = number(sample.label("le")) else { continue };
            match buckets.iter_mut().find(|(known, _)| *known == bound) {
                Some((_, count)) => *count += sample.value,
                None => buckets.push((bound, sample.value)),
            }
        }
        buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
        buckets
    }
}

impl Sample {
    fn label(&self, name: &str) -> &str {
        self.labels.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// A line like `name{label="value"} 1.5`, perhaps with a time behind it.
fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' ', '\t'])?;
    let name = line.get(..end).filter(|name| !name.is_empty())?.to_owned();
    let rest = line.get(end..)?;
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (Vec::new(), rest),
    };
    let value = number(rest.split_whitespace().next()?)?;
    Some(Sample { name, labels, value })
}

/// Labels up to the brace that ends them, and what is behind it.
fn labels(mut text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        text = text.trim_start_matches([',', ' ']);
        if let Some(rest) = text.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, rest) = text.split_once("=\"")?;
        let mut value = String::new();
        let mut letters = rest.char_indices();
        text = loop {
            match letters.next()? {
                (at, '"') => break rest.get(at + 1..)?,
                (_, '\\') => match letters.next()?.1 {
                    'n' => value.push('\n'),
                    letter => value.push(letter),
                },
                (_, letter) => value.push(letter),
            }
        };
        labels.push((name.trim().to_owned(), value));
    }
}

fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        text => text.parse().ok(),
    }
}

/// The value below which so large a part of what is in the buckets lies, as Prometheus estimates it; `None` where nothing is in them.
pub fn quantile(part: f64, buckets: &[(f64, f64)]) -> Option<f64> {
    let total = buckets.last().map(|(_, count)| *count).filter(|count| *count > 0.0)?;
    let rank = part * total;
    let place = buckets.iter().position(|(_, count)| *count >= rank)?;
    let (upper, up_to) = *buckets.get(place)?;
    let (lower, below) = place.checked_sub(1).and_then(|place| buckets.get(place)).copied().unwrap_or((0.0, 0.0));
    // Beyond the last bound nothing is known but that it is beyond.
    if upper.is_infinite() {
        return Some(lower);
    }
    let inside = up_to - below;
    Some(if inside > 0.0 { lower + (upper - lower) * (rank - below) / inside } else { upper })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# HELP a_total Things.\n# TYPE a_total counter\na_total{kind=\"x\",path=\"C:\\\\d \\\"q\\\"\\nz}\"} 3\na_total{kind=\"y\"} 4.5 1700000000000\n\
        b 1e3\nc{} NaN\nd +Inf\nbroken\nbroken{\nbroken{x=\"1} 2\n\nt_bucket{le=\"0.1\",k=\"1\"} 1\nt_bucket{le=\"1.0\",k=\"1\"} 3\nt_bucket{le=\"+Inf\",k=\"1\"} 4\n\
        t_bucket{le=\"0.1\",k=\"2\"} 1\nt_bucket{le=\"1.0\",k=\"2\"} 1\nt_bucket{le=\"+Inf\",k=\"2\"} 1\n";

    #[test]
    fn figures_are_read_with_their_labels_and_what_is_broken_is_passed_over() {
        let figures = Figures::of(TEXT);
        assert_eq!(figures.sum("a_total", &[]), 7.5);
        assert_eq!(figures.sum("a_total", &[("kind", "x"), ("path", "C:\\d \"q\"\nz}")]), 3.0);
        assert_eq!(figures.sum("a_total", &[("kind", "z")]).to_string(), "0");
        assert_eq!((figures.sum("b", &[]), figures.sum("c", &[]), figures.sum("d", &[])), (1000.0, 0.0, 0.0));
        assert_eq!(figures.values("a_total", "kind"), ["x", "y"]);
        assert!(figures.has("b") && !figures.has("broken"));
        assert_eq!(figures.sum_where("a_total", &[], |label| label("kind").starts_with('y')), 4.5);
    }

    #[test]
    fn quantiles_are_those_of_prometheus() {
        let figures = Figures::of(TEXT);
        let buckets = figures.buckets("t", &[], |_| true);
        assert_eq!(buckets, [(0.1, 2.0), (1.0, 4.0), (f64::INFINITY, 5.0)]);
        assert_eq!(quantile(0.2, &buckets), Some(0.05));
        assert_eq!(quantile(0.6, &buckets), Some(0.1 + 0.9 * 0.5));
        assert_eq!(quantile(0.99, &buckets), Some(1.0), "more is not known");
        assert_eq!(quantile(0.5, &[]), None);
        assert_eq!(quantile(0.5, &figures.buckets("none", &[], |_| true)), None);
    }
}
