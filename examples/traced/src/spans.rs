//! The spans of a process, in memory. A real program exports them instead, with `opentelemetry-otlp` for example.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider};
use serde::{Deserialize, Serialize};
use tracing_subscriber::layer::SubscriberExt as _;

use crate::Failure;

/// A span that has ended.
#[derive(Debug, Deserialize, Serialize)]
pub struct SpanLine {
    pub process: String,
    pub name: String,
    pub trace: String,
    pub id: String,
    pub parent: String,
}

#[chirp::service]
pub trait Spans {
    /// Returns the spans of the process that have ended, in the order in which they ended.
    async fn finished(&self) -> Vec<SpanLine>;
}

/// The exporter of this process.
pub struct Collected {
    process: &'static str,
    exporter: InMemorySpanExporter,
    _provider: SdkTracerProvider,
}

impl Collected {
    /// Records the spans of this process from now on. It must be called before the first span is made: `tracing` keeps in
    /// mind that nobody was interested in a span's place in the code.
    pub fn install(process: &'static str) -> Result<Self, Failure> {
        let exporter = InMemorySpanExporter::default();
        let provider = SdkTracerProvider::builder()
            .with_simple_exporter(exporter.clone())
            .build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("traced"));
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
        Ok(Self {
            process,
            exporter,
            _provider: provider,
        })
    }
}

impl Spans for Collected {
    async fn finished(&self) -> Vec<SpanLine> {
        let spans = self.exporter.get_finished_spans().unwrap_or_default();
        let line = |span: opentelemetry_sdk::trace::SpanData| SpanLine {
            process: self.process.to_owned(),
            name: span.name.into_owned(),
            trace: span.span_context.trace_id().to_string(),
            id: span.span_context.span_id().to_string(),
            parent: span.parent_span_id.to_string(),
        };
        spans.into_iter().map(line).collect()
    }
}
