//! The messages of the vendor's worker protocol (`FunctionRpc`), as far as a host needs them. Numbers are the protocol's own;
//! fields that are left out here are passed over when they come.

use std::collections::HashMap;

use prost::{Enumeration, Message, Oneof};

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StreamingMessage {
    #[prost(string, tag = "1")]
    pub(crate) request_id: String,
    #[prost(oneof = "Content", tags = "2, 4, 5, 8, 9, 16, 17, 20, 29, 30")]
    pub(crate) content: Option<Content>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Content {
    #[prost(message, tag = "2")]
    Log(Log),
    #[prost(message, tag = "4")]
    Invocation(InvocationRequest),
    #[prost(message, tag = "5")]
    Outcome(InvocationResponse),
    #[prost(message, tag = "8")]
    Load(LoadRequest),
    #[prost(message, tag = "9")]
    Loaded(LoadResponse),
    #[prost(message, tag = "16")]
    Initialized(InitResponse),
    #[prost(message, tag = "17")]
    Init(InitRequest),
    /// The first thing that a worker says.
    #[prost(message, tag = "20")]
    Start(StartStream),
    /// Which functions are there?
    #[prost(message, tag = "29")]
    Index(IndexRequest),
    #[prost(message, tag = "30")]
    Indexed(IndexResponse),
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StartStream {
    #[prost(string, tag = "2")]
    pub(crate) worker_id: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct InitRequest {
    #[prost(string, tag = "1")]
    pub(crate) host_version: String,
    #[prost(map = "string, string", tag = "2")]
    pub(crate) capabilities: HashMap<String, String>,
    #[prost(string, tag = "4")]
    pub(crate) worker_directory: String,
    #[prost(string, tag = "5")]
    pub(crate) function_app_directory: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct InitResponse {
    #[prost(map = "string, string", tag = "2")]
    pub(crate) capabilities: HashMap<String, String>,
    #[prost(message, optional, tag = "3")]
    pub(crate) result: Option<StatusResult>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct IndexRequest {
    #[prost(string, tag = "1")]
    pub(crate) function_app_directory: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct IndexResponse {
    #[prost(message, repeated, tag = "1")]
    pub(crate) functions: Vec<Metadata>,
    #[prost(message, optional, tag = "2")]
    pub(crate) result: Option<StatusResult>,
    /// The host is to look for itself.
    #[prost(bool, tag = "3")]
    pub(crate) is_for_the_host: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct StatusResult {
    #[prost(string, tag = "1")]
    pub(crate) result: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) exception: Option<Exception>,
    #[prost(enumeration = "Status", tag = "4")]
    pub(crate) status: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub(crate) enum Status {
    Failure = 0,
    Success = 1,
    Cancelled = 2,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Exception {
    #[prost(string, tag = "1")]
    pub(crate) stack_trace: String,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    #[prost(string, tag = "3")]
    pub(crate) source: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct LoadRequest {
    #[prost(string, tag = "1")]
    pub(crate) function_id: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) metadata: Option<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct LoadResponse {
    #[prost(string, tag = "1")]
    pub(crate) function_id: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) result: Option<StatusResult>,
}

/// What a worker is told of a function.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Metadata {
    #[prost(string, tag = "1")]
    pub(crate) directory: String,
    #[prost(string, tag = "2")]
    pub(crate) script_file: String,
    #[prost(string, tag = "3")]
    pub(crate) entry_point: String,
    #[prost(string, tag = "4")]
    pub(crate) name: String,
    #[prost(map = "string, message", tag = "6")]
    pub(crate) bindings: HashMap<String, Binding>,
    /// How reading it went, from a worker that tells of it.
    #[prost(message, optional, tag = "8")]
    pub(crate) status: Option<StatusResult>,
    #[prost(string, tag = "9")]
    pub(crate) language: String,
    #[prost(string, repeated, tag = "10")]
    pub(crate) raw_bindings: Vec<String>,
    #[prost(string, tag = "13")]
    pub(crate) function_id: String,
    /// A worker's own notes, which it gets back.
    #[prost(map = "string, string", tag = "16")]
    pub(crate) properties: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Binding {
    #[prost(string, tag = "2")]
    pub(crate) kind: String,
    #[prost(enumeration = "Direction", tag = "3")]
    pub(crate) direction: i32,
    #[prost(enumeration = "DataType", tag = "4")]
    pub(crate) data_type: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub(crate) enum Direction {
    In = 0,
    Out = 1,
    Inout = 2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub(crate) enum DataType {
    Undefined = 0,
    String = 1,
    Binary = 2,
    Stream = 3,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct InvocationRequest {
    #[prost(string, tag = "1")]
    pub(crate) invocation_id: String,
    #[prost(string, tag = "2")]
    pub(crate) function_id: String,
    #[prost(message, repeated, tag = "3")]
    pub(crate) input_data: Vec<Parameter>,
    #[prost(map = "string, message", tag = "4")]
    pub(crate) trigger_metadata: HashMap<String, TypedData>,
    #[prost(message, optional, tag = "5")]
    pub(crate) trace_context: Option<TraceContext>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TraceContext {
    #[prost(string, tag = "1")]
    pub(crate) parent: String,
    #[prost(string, tag = "2")]
    pub(crate) state: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct InvocationResponse {
    #[prost(string, tag = "1")]
    pub(crate) invocation_id: String,
    #[prost(message, repeated, tag = "2")]
    pub(crate) output_data: Vec<Parameter>,
    #[prost(message, optional, tag = "3")]
    pub(crate) result: Option<StatusResult>,
    #[prost(message, optional, tag = "4")]
    pub(crate) return_value: Option<TypedData>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Parameter {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) data: Option<TypedData>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TypedData {
    #[prost(oneof = "Data", tags = "1, 2, 3, 4, 5, 6, 7")]
    pub(crate) data: Option<Data>,
}

#[derive(Clone, PartialEq, Oneof)]
pub(crate) enum Data {
    #[prost(string, tag = "1")]
    String(String),
    #[prost(string, tag = "2")]
    Json(String),
    #[prost(bytes = "bytes", tag = "3")]
    Bytes(bytes::Bytes),
    #[prost(bytes = "bytes", tag = "4")]
    Stream(bytes::Bytes),
    #[prost(message, tag = "5")]
    Http(Box<Http>),
    #[prost(sint64, tag = "6")]
    Int(i64),
    #[prost(double, tag = "7")]
    Double(f64),
}

/// A request or an answer.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Http {
    #[prost(string, tag = "1")]
    pub(crate) method: String,
    #[prost(string, tag = "2")]
    pub(crate) url: String,
    #[prost(map = "string, string", tag = "3")]
    pub(crate) headers: HashMap<String, String>,
    #[prost(message, optional, boxed, tag = "4")]
    pub(crate) body: Option<Box<TypedData>>,
    #[prost(map = "string, string", tag = "10")]
    pub(crate) params: HashMap<String, String>,
    #[prost(string, tag = "12")]
    pub(crate) status_code: String,
    #[prost(map = "string, string", tag = "15")]
    pub(crate) query: HashMap<String, String>,
    #[prost(message, optional, boxed, tag = "17")]
    pub(crate) raw_body: Option<Box<TypedData>>,
    #[prost(message, repeated, tag = "19")]
    pub(crate) cookies: Vec<Cookie>,
    /// Instead of the plain ones, for workers that tell an empty text from none.
    #[prost(map = "string, message", tag = "20")]
    pub(crate) nullable_headers: HashMap<String, Text>,
    #[prost(map = "string, message", tag = "21")]
    pub(crate) nullable_params: HashMap<String, Text>,
    #[prost(map = "string, message", tag = "22")]
    pub(crate) nullable_query: HashMap<String, Text>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Cookie {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) value: String,
    #[prost(message, optional, tag = "3")]
    pub(crate) domain: Option<Text>,
    #[prost(message, optional, tag = "4")]
    pub(crate) path: Option<Text>,
    #[prost(message, optional, tag = "5")]
    pub(crate) expires: Option<Moment>,
    #[prost(message, optional, tag = "6")]
    pub(crate) secure: Option<Truth>,
    #[prost(message, optional, tag = "7")]
    pub(crate) http_only: Option<Truth>,
    #[prost(enumeration = "SameSite", tag = "8")]
    pub(crate) same_site: i32,
    #[prost(message, optional, tag = "9")]
    pub(crate) max_age: Option<Number>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub(crate) enum SameSite {
    Unsaid = 0,
    Lax = 1,
    Strict = 2,
    ExplicitNone = 3,
}

/// What may be absent is a message of its own.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Text {
    #[prost(string, tag = "1")]
    pub(crate) value: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Truth {
    #[prost(bool, tag = "1")]
    pub(crate) value: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Number {
    #[prost(double, tag = "1")]
    pub(crate) value: f64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Moment {
    #[prost(message, optional, tag = "1")]
    pub(crate) value: Option<Instant>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Instant {
    #[prost(int64, tag = "1")]
    pub(crate) seconds: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Log {
    #[prost(string, tag = "1")]
    pub(crate) invocation_id: String,
    #[prost(string, tag = "2")]
    pub(crate) category: String,
    #[prost(enumeration = "Level", tag = "3")]
    pub(crate) level: i32,
    #[prost(string, tag = "4")]
    pub(crate) message: String,
    #[prost(message, optional, tag = "6")]
    pub(crate) exception: Option<Exception>,
    /// Whose words they are: the function's (0), or the worker's own.
    #[prost(int32, tag = "8")]
    pub(crate) whose: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub(crate) enum Level {
    Trace = 0,
    Debug = 1,
    Information = 2,
    Warning = 3,
    Error = 4,
    Critical = 5,
    None = 6,
}
