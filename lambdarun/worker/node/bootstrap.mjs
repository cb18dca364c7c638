// Runs a Node.js handler as AWS's own client does: the same payloads, log lines, context and exit codes.
import { createRequire } from "node:module";
import { existsSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { format } from "node:util";
import { pathToFileURL } from "node:url";

const { AWS_LAMBDA_RUNTIME_API: api, LAMBDA_TASK_ROOT: taskRoot, _HANDLER: handlerName } = process.env;
const [host, port] = api.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const ERROR_TYPE = "Lambda-Runtime-Function-Error-Type";
const JSON_TYPE = { "Content-Type": "application/json" };
let requestId;

// --- the log: one line an event, as CloudWatch shows it
const LEVELS = { log: "INFO", info: "INFO", warn: "WARN", error: "ERROR", debug: "DEBUG", trace: "TRACE", fatal: "FATAL" };
for (const [method, level] of Object.entries(LEVELS)) {
  console[method] = (...told) =>
    process.stdout.write(`${new Date().toISOString()}\t${requestId}\t${level}\t${format(...told)}\n`);
}
// A pipe is written to synchronously, so that a handler that is killed has said what it said.
process.stdout._handle?.setBlocking?.(true);
process.stderr._handle?.setBlocking?.(true);

// --- errors, for the caller and for the log
function fault(type, reason) {
  const error = new Error(String(reason));
  error.name = type;
  error.stack = reason?.stack
    ? `${type}: ${reason}\n${reason.stack.split("\n").slice(1).join("\n")}`.trimEnd()
    : `${type}: ${reason}`;
  return error;
}

function forCaller(error) {
  if (error instanceof Error || (error && error.name && error.message && error.stack)) {
    return {
      errorType: error.name?.replaceAll("\x7f", "%7F"),
      errorMessage: error.message?.replaceAll("\x7f", "%7F"),
      ...(error.reason === undefined ? {} : { reason: error.reason, promise: {} }),
      trace: String(error.stack).replaceAll("\x7f", "%7F").split("\n"),
    };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

function forLog(error) {
  if (!(error instanceof Error)) return `\t${JSON.stringify(forCaller(error))}`;
  const { name, message, code, stack, ...others } = error;
  return `\t${JSON.stringify({ errorType: error.name, errorMessage: error.message, code, ...others, stack: String(error.stack).split("\n") })}`;
}

// --- the Runtime API
function ask(method, where, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "Content-Length": Buffer.byteLength(body) };
    const options = { host, port, method, agent, path: `/2018-06-01/runtime${where}`, headers: { ...headers, ...length } };
    const request = http.request(options, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () => resolve({ headers: response.headers, status: response.statusCode, body: Buffer.concat(parts) }));
    });
    request.on("error", reject);
    request.end(body);
  });
}

const postError = (where, error) =>
  ask("POST", where, JSON.stringify(forCaller(error)), { ...JSON_TYPE, [ERROR_TYPE]: String(error?.name ?? typeof error) });

async function giveUp(kind, error, status) {
  console.error(kind, forLog(error));
  const where = requestId === undefined ? "/init/error" : `/invocation/${requestId}/error`;
  await postError(where, error).catch(() => {});
  process.exit(status);
}

process.on("uncaughtException", (error) => giveUp("Uncaught Exception", error, 129));
process.on("unhandledRejection", (reason) => {
  const error = fault("Runtime.UnhandledPromiseRejection", reason);
  error.reason = forCaller(reason);
  giveUp("Unhandled Promise Rejection", error, 128);
});

// --- streaming
class HttpResponseStream {
  static from(stream, metadata) {
    stream.setContentType("application/vnd.awslambda.http-integration-response");
    stream.write(JSON.stringify(metadata));
    stream.write(Buffer.alloc(8));
    return stream;
  }
}
globalThis.awslambda = {
  streamifyResponse: (handler, options) => {
    handler[STREAMING] = options?.highWaterMark ?? true;
    return handler;
  },
  HttpResponseStream,
};

function responseStream(id) {
  const options = {
    host, port, agent, method: "POST", path: `/2018-06-01/runtime/invocation/${id}/response`,
    headers: {
      "Content-Type": "application/octet-stream",
      "Lambda-Runtime-Function-Response-Mode": "streaming",
      "Transfer-Encoding": "chunked",
      Trailer: "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body",
    },
  };
  const stream = http.request(options);
  stream.setContentType = (type) => stream.setHeader("Content-Type", type);
  stream.answered = new Promise((resolve) => {
    stream.on("response", (response) => response.resume().on("end", resolve));
    stream.on("error", resolve);
  });
  return stream;
}

async function runStreaming(handler, event, context, id) {
  const stream = responseStream(id);
  try {
    await handler(event, stream, context);
  } catch (error) {
    console.error("Invoke Error", forLog(error));
    if (!stream.headersSent) {
      stream.destroy();
      return postError(`/invocation/${id}/error`, error);
    }
    const body = Buffer.from(JSON.stringify(forCaller(error))).toString("base64");
    stream.addTrailers({ [ERROR_TYPE]: String(error?.name ?? typeof error), "Lambda-Runtime-Function-Error-Body": body });
  }
  if (!stream.writableEnded) stream.end();
  return stream.answered;
}

// --- the handler
function resolveFile(root, file) {
  const full = path.resolve(root, file);
  for (const ending of ["", ".js", ".mjs", ".cjs"]) {
    if (existsSync(full + ending) && (ending || path.extname(full))) return full + ending;
  }
  return null;
}

async function load() {
  const folder = path.dirname(handlerName);
  const match = /^([^.]*)\.(.*)$/.exec(path.basename(handlerName));
  if (!match || handlerName.includes("..")) {
    throw fault("Runtime.MalformedHandlerName", match ? `'${handlerName}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.` : "Bad handler");
  }
  const module = path.join(folder, match[1]);
  const file = resolveFile(taskRoot, module);
  let loaded;
  try {
    if (file === null) {
      const missing = new Error(`Cannot find module '${match[1]}'\nRequire stack:\n- /var/runtime/index.mjs`);
      missing.code = "MODULE_NOT_FOUND";
      throw missing;
    }
    const require = createRequire(file);
    try {
      loaded = file.endsWith(".mjs") ? await import(pathToFileURL(file).href) : require(file);
    } catch (error) {
      if (error?.code !== "ERR_REQUIRE_ESM" && error?.code !== "ERR_REQUIRE_ASYNC_MODULE") throw error;
      loaded = await import(pathToFileURL(file).href);
    }
  } catch (error) {
    if (error instanceof SyntaxError) throw fault("Runtime.UserCodeSyntaxError", error);
    if (["MODULE_NOT_FOUND", "ERR_MODULE_NOT_FOUND"].includes(error?.code)) throw fault("Runtime.ImportModuleError", error);
    throw error;
  }
  const found = match[2].split(".").reduce((value, name) => value?.[name], loaded)
    ?? match[2].split(".").reduce((value, name) => value?.[name], loaded?.default);
  if (found === undefined) throw fault("Runtime.HandlerNotFound", `${handlerName} is undefined or not exported`);
  if (typeof found !== "function") throw fault("Runtime.HandlerNotFound", `${handlerName} is not a function`);
  return found;
}

function contextOf(headers, settle) {
  let waits = true;
  const get = (name) => headers[`lambda-runtime-${name}`];
  const parsed = (name) => (get(name) ? JSON.parse(Buffer.from(get(name), "latin1").toString()) : undefined);
  const deadline = Number(get("deadline-ms"));
  const done = (error, value) => {
    waits = false;
    settle(error, value);
  };
  return {
    get callbackWaitsForEmptyEventLoop() {
      return waits;
    },
    set callbackWaitsForEmptyEventLoop(value) {
      waits = value;
    },
    done,
    succeed: (value) => done(null, value),
    fail: (error) => done(error ?? null),
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parsed("client-context"),
    identity: parsed("cognito-identity"),
    invokedFunctionArn: get("invoked-function-arn"),
    awsRequestId: get("aws-request-id"),
    tenantId: get("aws-tenant-id"),
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

// The handler's answer, as soon as the handler lets it out: at once, or when nothing is left in the event loop.
function run(handler, event, headers) {
  return new Promise((resolve) => {
    let answer = null; // an event loop that runs empty without an answer answers null
    let settled = false;
    const out = () => {
      process.removeListener("beforeExit", out);
      setImmediate(() => resolve(answer ?? { value: null }));
    };
    const context = contextOf(headers, (error, value) => {
      if (settled) return;
      settled = true;
      answer = error === undefined || error === null ? { value: value === undefined ? null : value } : { error };
      if (!context.callbackWaitsForEmptyEventLoop) out();
    });
    process.on("beforeExit", out);
    try {
      const callback = (error, value) => {
        if (settled) return;
        settled = true;
        answer = error === undefined || error === null ? { value: value === undefined ? null : value } : { error };
        if (!context.callbackWaitsForEmptyEventLoop) out();
      };
      const result = handler(event, context, callback);
      if (typeof result?.then === "function") result.then(context.succeed, context.fail);
    } catch (error) {
      context.fail(error);
    }
  });
}

function asJson(value) {
  try {
    return JSON.stringify(value === undefined ? null : value) ?? "null";
  } catch {
    throw new Error("Unable to stringify response body");
  }
}

async function main() {
  let handler;
  try {
    handler = await load();
  } catch (error) {
    return giveUp("Uncaught Exception", error, 129);
  }
  for (;;) {
    const { headers, body } = await ask("GET", "/invocation/next");
    const id = headers["lambda-runtime-aws-request-id"];
    requestId = id;
    process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"] ?? "";
    const event = JSON.parse(body);
    if (handler[STREAMING]) {
      await runStreaming(handler, event, contextOf(headers, () => {}), id);
      continue;
    }
    const answer = await run(handler, event, headers);
    try {
      if ("error" in answer) throw answer.error;
      await ask("POST", `/invocation/${id}/response`, asJson(answer.value), JSON_TYPE);
    } catch (error) {
      console.error("Invoke Error", forLog(error));
      await postError(`/invocation/${id}/error`, error);
    }
  }
}

main();
