// The types of ASP.NET Core that HTTP functions use, as small as they can be: requests, answers, and results.
using System;
using System.Collections;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Newtonsoft.Json;
using Newtonsoft.Json.Serialization;

namespace Microsoft.Extensions.Primitives
{
    /// Several values, which are read as one where one is wanted.
    public struct StringValues : IList<string>, IReadOnlyList<string>
    {
        public static readonly StringValues Empty = new StringValues(new string[0]);
        readonly string[] values;

        public StringValues(string value) { values = value == null ? null : new[] { value }; }
        public StringValues(string[] values) { this.values = values; }

        public int Count => values?.Length ?? 0;
        public string this[int index] => (values ?? new string[0])[index];
        string IList<string>.this[int index] { get => this[index]; set => throw new NotSupportedException(); }
        public string[] ToArray() => values ?? new string[0];
        public override string ToString() => Count == 0 ? "" : string.Join(",", values);
        public override int GetHashCode() => ToString().GetHashCode();
        public override bool Equals(object other) =>
            other is StringValues many ? Equals(this, many) : other is string one ? ToString() == one : other == null && Count == 0;
        public bool Equals(StringValues other) => Equals(this, other);
        public static bool Equals(StringValues left, StringValues right) => left.ToArray().SequenceEqual(right.ToArray());
        public static bool IsNullOrEmpty(StringValues values) => values.Count == 0 || values.Count == 1 && string.IsNullOrEmpty(values[0]);

        public static implicit operator StringValues(string value) => new StringValues(value);
        public static implicit operator StringValues(string[] values) => new StringValues(values);
        public static implicit operator string(StringValues values) => values.Count == 0 ? null : values.ToString();
        public static implicit operator string[](StringValues values) => values.values;
        public static bool operator ==(StringValues left, StringValues right) => Equals(left, right);
        public static bool operator !=(StringValues left, StringValues right) => !Equals(left, right);
        public static bool operator ==(StringValues left, string right) => (string)left == right;
        public static bool operator !=(StringValues left, string right) => (string)left != right;

        public IEnumerator<string> GetEnumerator() => ((IEnumerable<string>)ToArray()).GetEnumerator();
        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
        public bool Contains(string value) => ToArray().Contains(value);
        public int IndexOf(string value) => Array.IndexOf(ToArray(), value);
        public void CopyTo(string[] to, int at) => ToArray().CopyTo(to, at);
        bool ICollection<string>.IsReadOnly => true;
        void ICollection<string>.Add(string value) => throw new NotSupportedException();
        void ICollection<string>.Clear() => throw new NotSupportedException();
        bool ICollection<string>.Remove(string value) => throw new NotSupportedException();
        void IList<string>.Insert(int index, string value) => throw new NotSupportedException();
        void IList<string>.RemoveAt(int index) => throw new NotSupportedException();
    }
}

namespace Microsoft.AspNetCore.Http
{
    public interface IQueryCollection : IEnumerable<KeyValuePair<string, StringValues>>
    {
        StringValues this[string key] { get; }
        int Count { get; }
        ICollection<string> Keys { get; }
        bool ContainsKey(string key);
        bool TryGetValue(string key, out StringValues value);
    }

    public interface IFormCollection : IQueryCollection { }

    public interface IRequestCookieCollection : IEnumerable<KeyValuePair<string, string>>
    {
        string this[string key] { get; }
        int Count { get; }
        ICollection<string> Keys { get; }
        bool ContainsKey(string key);
        bool TryGetValue(string key, out string value);
    }

    public interface IHeaderDictionary : IDictionary<string, StringValues>
    {
        long? ContentLength { get; set; }
    }

    /// What is not there reads as nothing. Names are compared without regard to case.
    public class Values : Dictionary<string, StringValues>, IQueryCollection, IFormCollection, IHeaderDictionary, IDictionary<string, StringValues>
    {
        public Values() : base(StringComparer.OrdinalIgnoreCase) { }

        public new StringValues this[string key]
        {
            get => TryGetValue(key, out var found) ? found : StringValues.Empty;
            set => base[key] = value;
        }
        StringValues IDictionary<string, StringValues>.this[string key] { get => this[key]; set => this[key] = value; }
        ICollection<string> IQueryCollection.Keys => Keys;
        public long? ContentLength
        {
            get => long.TryParse(this["content-length"], out var length) ? length : (long?)null;
            set => this["content-length"] = value?.ToString();
        }

        internal void Append(string name, string value) => this[name] = this[name].ToArray().Concat(new[] { value }).ToArray();
    }

    class Cookies : Dictionary<string, string>, IRequestCookieCollection
    {
        string IRequestCookieCollection.this[string key] => TryGetValue(key, out var found) ? found : null;
        ICollection<string> IRequestCookieCollection.Keys => Keys;
    }

    public struct PathString
    {
        public PathString(string value) { Value = value; }
        public string Value { get; }
        public bool HasValue => !string.IsNullOrEmpty(Value);
        public override string ToString() => Value == null ? "" : string.Join("/", Value.Split('/').Select(Uri.EscapeDataString));
        public bool StartsWithSegments(PathString other) => Value.StartsWith(other.Value, StringComparison.OrdinalIgnoreCase) && (Value.Length == other.Value.Length || Value[other.Value.Length] == '/');
        public static implicit operator PathString(string value) => new PathString(value);
        public static implicit operator string(PathString path) => path.ToString();
    }

    public struct QueryString
    {
        public QueryString(string value) { Value = value; }
        public string Value { get; }
        public bool HasValue => !string.IsNullOrEmpty(Value);
        public override string ToString() => Value ?? "";
    }

    public struct HostString
    {
        public HostString(string value) { Value = value; }
        public string Value { get; }
        public bool HasValue => !string.IsNullOrEmpty(Value);
        public string Host => Value?.Split(':')[0];
        public int? Port => Value != null && Value.Contains(":") && int.TryParse(Value.Split(':').Last(), out var port) ? port : (int?)null;
        public override string ToString() => Value ?? "";
    }

    public abstract class HttpRequest
    {
        public abstract HttpContext HttpContext { get; }
        public string Method { get; set; }
        public string Scheme { get; set; } = "http";
        public bool IsHttps { get => Scheme == "https"; set => Scheme = value ? "https" : "http"; }
        public HostString Host { get; set; }
        public PathString PathBase { get; set; }
        public PathString Path { get; set; }
        public QueryString QueryString { get; set; }
        public IQueryCollection Query { get; set; }
        public string Protocol { get; set; }
        public IHeaderDictionary Headers { get; protected set; }
        public IRequestCookieCollection Cookies { get; set; }
        public Dictionary<string, object> RouteValues { get; set; } = new Dictionary<string, object>(StringComparer.OrdinalIgnoreCase);
        public Stream Body { get; set; }
        public long? ContentLength { get => Headers.ContentLength; set => Headers.ContentLength = value; }
        public string ContentType { get => Headers["content-type"]; set => Headers["content-type"] = value; }
        public bool HasFormContentType => (ContentType ?? "").StartsWith("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase);
        public IFormCollection Form { get => ReadFormAsync().Result; set => form = value; }
        IFormCollection form;

        public Task<IFormCollection> ReadFormAsync(CancellationToken cancellation = default(CancellationToken))
        {
            if (form == null)
            {
                if (!HasFormContentType) throw new InvalidOperationException($"Incorrect Content-Type: {ContentType}: only application/x-www-form-urlencoded is read as a form");
                form = Fulmar.Reading.Pairs(new StreamReader(Body).ReadToEnd());
            }
            return Task.FromResult(form);
        }
    }

    public abstract class HttpResponse
    {
        public abstract HttpContext HttpContext { get; }
        public int StatusCode { get; set; } = 200;
        public IHeaderDictionary Headers { get; } = new Values();
        public Stream Body { get; set; } = new MemoryStream();
        public long? ContentLength { get => Headers.ContentLength; set => Headers.ContentLength = value; }
        public string ContentType { get => Headers["content-type"]; set => Headers["content-type"] = value; }
        public bool HasStarted => false;
        public IResponseCookies Cookies => new ResponseCookies((Values)Headers);
        public void Redirect(string location, bool permanent = false)
        {
            StatusCode = permanent ? 301 : 302;
            Headers["location"] = location;
        }
    }

    public interface IResponseCookies
    {
        void Append(string key, string value);
        void Append(string key, string value, CookieOptions options);
        void Delete(string key);
    }

    public enum SameSiteMode { Unspecified = -1, None, Lax, Strict }

    public class CookieOptions
    {
        public string Domain { get; set; }
        public string Path { get; set; } = "/";
        public DateTimeOffset? Expires { get; set; }
        public bool Secure { get; set; }
        public SameSiteMode SameSite { get; set; } = SameSiteMode.Unspecified;
        public bool HttpOnly { get; set; }
        public TimeSpan? MaxAge { get; set; }
    }

    class ResponseCookies : IResponseCookies
    {
        readonly Values headers;

        public ResponseCookies(Values headers) { this.headers = headers; }

        public void Append(string key, string value) => Append(key, value, new CookieOptions());
        public void Append(string key, string value, CookieOptions options)
        {
            var text = new StringBuilder($"{Uri.EscapeDataString(key)}={Uri.EscapeDataString(value)}");
            if (options.Expires != null) text.Append($"; expires={options.Expires.Value.ToUniversalTime():R}");
            if (options.MaxAge != null) text.Append($"; max-age={(long)options.MaxAge.Value.TotalSeconds}");
            if (!string.IsNullOrEmpty(options.Domain)) text.Append($"; domain={options.Domain}");
            if (!string.IsNullOrEmpty(options.Path)) text.Append($"; path={options.Path}");
            if (options.Secure) text.Append("; secure");
            if (options.SameSite != SameSiteMode.Unspecified) text.Append($"; samesite={options.SameSite.ToString().ToLowerInvariant()}");
            if (options.HttpOnly) text.Append("; httponly");
            headers.Append("set-cookie", text.ToString());
        }
        public void Delete(string key) => Append(key, "", new CookieOptions { Expires = new DateTimeOffset(1970, 1, 1, 0, 0, 0, TimeSpan.Zero) });
    }

    public abstract class HttpContext
    {
        public abstract HttpRequest Request { get; }
        public abstract HttpResponse Response { get; }
        public IDictionary<object, object> Items { get; } = new Dictionary<object, object>();
        public string TraceIdentifier { get; set; }
        public CancellationToken RequestAborted { get; set; }
        public ConnectionInfo Connection { get; } = new ConnectionInfo();
    }

    public class ConnectionInfo
    {
        public System.Net.IPAddress RemoteIpAddress { get; set; }
    }

    public static class HttpResponseWritingExtensions
    {
        public static Task WriteAsync(this HttpResponse response, string text, CancellationToken cancellation = default(CancellationToken))
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            return response.Body.WriteAsync(bytes, 0, bytes.Length);
        }
    }

    public static class HttpRequestExtensions
    {
        public static Task<string> ReadAsStringAsync(this HttpRequest request) => new StreamReader(request.Body).ReadToEndAsync();
        public static IDictionary<string, string> GetQueryParameterDictionary(this HttpRequest request) =>
            request.Query.ToDictionary(pair => pair.Key, pair => pair.Value.Last());
    }

    public static class StatusCodes
    {
        public const int Status200OK = 200, Status201Created = 201, Status202Accepted = 202, Status204NoContent = 204;
        public const int Status301MovedPermanently = 301, Status302Found = 302, Status304NotModified = 304;
        public const int Status400BadRequest = 400, Status401Unauthorized = 401, Status403Forbidden = 403, Status404NotFound = 404;
        public const int Status405MethodNotAllowed = 405, Status409Conflict = 409, Status410Gone = 410, Status412PreconditionFailed = 412;
        public const int Status413PayloadTooLarge = 413, Status415UnsupportedMediaType = 415, Status422UnprocessableEntity = 422, Status429TooManyRequests = 429;
        public const int Status500InternalServerError = 500, Status501NotImplemented = 501, Status502BadGateway = 502, Status503ServiceUnavailable = 503;
    }
}

namespace Microsoft.AspNetCore.Mvc
{
    public class ActionContext
    {
        public HttpContext HttpContext { get; set; }
    }

    public interface IActionResult
    {
        Task ExecuteResultAsync(ActionContext context);
    }

    public abstract class ActionResult : IActionResult
    {
        public virtual Task ExecuteResultAsync(ActionContext context)
        {
            ExecuteResult(context);
            return Task.FromResult(0);
        }
        public virtual void ExecuteResult(ActionContext context) { }
    }

    public class StatusCodeResult : ActionResult
    {
        public StatusCodeResult(int statusCode) { StatusCode = statusCode; }
        public int StatusCode { get; }
        public override void ExecuteResult(ActionContext context) => context.HttpContext.Response.StatusCode = StatusCode;
    }

    public class OkResult : StatusCodeResult { public OkResult() : base(200) { } }
    public class NoContentResult : StatusCodeResult { public NoContentResult() : base(204) { } }
    public class BadRequestResult : StatusCodeResult { public BadRequestResult() : base(400) { } }
    public class UnauthorizedResult : StatusCodeResult { public UnauthorizedResult() : base(401) { } }
    public class ForbidResult : StatusCodeResult { public ForbidResult() : base(403) { } }
    public class NotFoundResult : StatusCodeResult { public NotFoundResult() : base(404) { } }
    public class ConflictResult : StatusCodeResult { public ConflictResult() : base(409) { } }
    public class UnprocessableEntityResult : StatusCodeResult { public UnprocessableEntityResult() : base(422) { } }

    /// Texts are sent as they are, everything else as JSON whose names begin with a small letter.
    public class ObjectResult : ActionResult
    {
        public ObjectResult(object value) { Value = value; }
        public object Value { get; set; }
        public int? StatusCode { get; set; }

        public override void ExecuteResult(ActionContext context)
        {
            var response = context.HttpContext.Response;
            if (StatusCode != null) response.StatusCode = StatusCode.Value;
            if (Value == null)
            {
                if (response.StatusCode == 200) response.StatusCode = 204;
                return;
            }
            Write(response, Value);
        }

        internal static void Write(HttpResponse response, object value)
        {
            if (value is Stream stream)
            {
                stream.CopyTo(response.Body);
                return;
            }
            var isText = value is string;
            if (string.IsNullOrEmpty(response.ContentType)) response.ContentType = isText ? "text/plain; charset=utf-8" : "application/json; charset=utf-8";
            var settings = new JsonSerializerSettings { ContractResolver = new CamelCasePropertyNamesContractResolver() };
            response.WriteAsync(isText ? (string)value : JsonConvert.SerializeObject(value, settings)).Wait();
        }
    }

    public class OkObjectResult : ObjectResult { public OkObjectResult(object value) : base(value) { StatusCode = 200; } }
    public class BadRequestObjectResult : ObjectResult { public BadRequestObjectResult(object error) : base(error) { StatusCode = 400; } }
    public class UnauthorizedObjectResult : ObjectResult { public UnauthorizedObjectResult(object value) : base(value) { StatusCode = 401; } }
    public class NotFoundObjectResult : ObjectResult { public NotFoundObjectResult(object value) : base(value) { StatusCode = 404; } }
    public class ConflictObjectResult : ObjectResult { public ConflictObjectResult(object error) : base(error) { StatusCode = 409; } }
    public class UnprocessableEntityObjectResult : ObjectResult { public UnprocessableEntityObjectResult(object error) : base(error) { StatusCode = 422; } }
    public class AcceptedResult : ObjectResult
    {
        readonly string location;
        public AcceptedResult() : base(null) { StatusCode = 202; }
        public AcceptedResult(string location, object value) : base(value) { StatusCode = 202; this.location = location; }
        public override void ExecuteResult(ActionContext context)
        {
            if (location != null) context.HttpContext.Response.Headers["location"] = location;
            base.ExecuteResult(context);
        }
    }
    public class CreatedResult : ObjectResult
    {
        public CreatedResult(string location, object value) : base(value) { StatusCode = 201; Location = location; }
        public CreatedResult(Uri location, object value) : this(location.OriginalString, value) { }
        public string Location { get; set; }
        public override void ExecuteResult(ActionContext context)
        {
            context.HttpContext.Response.Headers["location"] = Location;
            base.ExecuteResult(context);
        }
    }

    public class JsonResult : ObjectResult
    {
        public JsonResult(object value) : base(value) { }
        public string ContentType { get; set; }
        public override void ExecuteResult(ActionContext context)
        {
            var response = context.HttpContext.Response;
            if (StatusCode != null) response.StatusCode = StatusCode.Value;
            response.ContentType = ContentType ?? "application/json; charset=utf-8";
            var settings = new JsonSerializerSettings { ContractResolver = new CamelCasePropertyNamesContractResolver() };
            response.WriteAsync(JsonConvert.SerializeObject(Value, settings)).Wait();
        }
    }

    public class ContentResult : ActionResult
    {
        public string Content { get; set; }
        public string ContentType { get; set; }
        public int? StatusCode { get; set; }
        public override void ExecuteResult(ActionContext context)
        {
            var response = context.HttpContext.Response;
            if (StatusCode != null) response.StatusCode = StatusCode.Value;
            response.ContentType = ContentType ?? "text/plain; charset=utf-8";
            response.WriteAsync(Content ?? "").Wait();
        }
    }

    public class RedirectResult : ActionResult
    {
        public RedirectResult(string url) : this(url, false) { }
        public RedirectResult(string url, bool permanent) { Url = url; Permanent = permanent; }
        public string Url { get; set; }
        public bool Permanent { get; set; }
        public override void ExecuteResult(ActionContext context) => context.HttpContext.Response.Redirect(Url, Permanent);
    }

    public abstract class FileResult : ActionResult
    {
        protected FileResult(string contentType) { ContentType = contentType; }
        public string ContentType { get; }
        public string FileDownloadName { get; set; }
        protected abstract Stream Content { get; }
        public override void ExecuteResult(ActionContext context)
        {
            var response = context.HttpContext.Response;
            response.ContentType = ContentType;
            if (!string.IsNullOrEmpty(FileDownloadName)) response.Headers["content-disposition"] = $"attachment; filename={FileDownloadName}";
            Content.CopyTo(response.Body);
        }
    }
    public class FileContentResult : FileResult
    {
        public FileContentResult(byte[] contents, string contentType) : base(contentType) { FileContents = contents; }
        public byte[] FileContents { get; set; }
        protected override Stream Content => new MemoryStream(FileContents);
    }
    public class FileStreamResult : FileResult
    {
        public FileStreamResult(Stream stream, string contentType) : base(contentType) { FileStream = stream; }
        public Stream FileStream { get; set; }
        protected override Stream Content => FileStream;
    }
}

namespace System.Web.Http
{
    public class InternalServerErrorResult : Microsoft.AspNetCore.Mvc.StatusCodeResult { public InternalServerErrorResult() : base(500) { } }
}
