//! Keeps the core in: the façade `ServerCore`, tasks, configuration and metrics. Knows no protocol and no vendor.
