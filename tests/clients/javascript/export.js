// One program, as a user writes it: stock exporters, a nested span, a measurement, a log record.
// `node export.js ENDPOINT NAME json|protobuf` prints the trace id; it fails when an export fails.

import { context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPTraceExporter as JsonTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";

const [endpoint, name, encoding] = process.argv.slice(2);
const TraceExporter = encoding === "json" ? JsonTraceExporter : ProtobufTraceExporter;
const resource = resourceFromAttributes({ "service.name": name });
const failures = [];

// The exporters tell nobody but their processor how it went; this listens in.
function listened(exporter) {
  const send = exporter.export.bind(exporter);
  exporter.export = (items, callback) =>
    send(items, (result) => {
      if (result.code !== 0) failures.push(result.error);
      callback(result);
    });
  return exporter;
}

const tracers = new BasicTracerProvider({
  resource,
  spanProcessors: [new BatchSpanProcessor(listened(new TraceExporter({ url: `${endpoint}/v1/traces` })))],
});
const meters = new MeterProvider({
  resource,
  readers: [
    new PeriodicExportingMetricReader({
      exporter: listened(new OTLPMetricExporter({ url: `${endpoint}/v1/metrics` })),
    }),
  ],
});
const loggers = new LoggerProvider({
  resource,
  processors: [
    new BatchLogRecordProcessor({ exporter: listened(new OTLPLogExporter({ url: `${endpoint}/v1/logs` })) }),
  ],
});

const tracer = tracers.getTracer("javascript-client", "1.2.3");
const parent = tracer.startSpan(`${name} parent`, { kind: SpanKind.SERVER });
const inParent = trace.setSpan(context.active(), parent);
const child = tracer.startSpan(`${name} child`, { attributes: { words: ["é", "😀"], count: 3, ratio: 0.5 } }, inParent);
child.addEvent("something happened", { "event.size": 7 });
child.setStatus({ code: SpanStatusCode.ERROR, message: "as intended" });
child.end();
parent.end();
meters.getMeter("javascript-client").createHistogram("duration", { unit: "ms" }).record(12.5);
loggers.getLogger("javascript-client").emit({
  severityNumber: 13,
  severityText: "WARN",
  body: `${name} says`,
  context: inParent,
});

await Promise.all([tracers.forceFlush(), meters.forceFlush(), loggers.forceFlush()]);
await Promise.all([tracers.shutdown(), meters.shutdown(), loggers.shutdown()]);
if (failures.length) throw failures[0];
console.log(parent.spanContext().traceId);
