// What a C# instance runs first: loads the assembly, then asks for work and answers it, for ever. Without the name of a
// function it is asked what functions there are.
//
// A request is a head as JSON, eight zero bytes, and the body; so is an answer. The types that functions are written
// against are in Http.cs and Functions.cs.
using System;
using System.Collections.Generic;
using System.ComponentModel;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using System.Threading.Tasks;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.WebJobs;
using Microsoft.Extensions.Logging;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

namespace Fulmar
{
    static class Bootstrap
    {
        const string Version = "/2018-06-01/runtime";

        static int Main()
        {
            var connection = new Connection(3);
            var name = Take("FULMAR_FUNCTION");
            var root = Take("FULMAR_CODE");
            var assembly = Path.Combine(root, Take("FULMAR_ASSEMBLY"));
            Take("FULMAR_ADAPTER");
            Environment.SetEnvironmentVariable("AzureWebJobsScriptRoot", root);
            Func<Event, byte[]> serve;
            try
            {
                Resolving.From(Path.GetDirectoryName(assembly), Path.Combine(root, "bin"));
                var found = Declared.In(Assembly.LoadFrom(assembly));
                Log.Least = Log.LevelOf(Path.Combine(root, "host.json"), name);
                serve = name == "" ? Tell(found) : new Served(found, name, root).Serve;
            }
            catch (Exception error)
            {
                var said = Inner(error);
                Console.Error.WriteLine(said);
                connection.Post($"{Version}/init/error", Described(said), said.GetType().Name);
                return 1;
            }
            connection.Next();
            for (;;)
            {
                var asked = connection.Event();
                try
                {
                    connection.Answer($"{Version}/invocation/{asked.RequestId}/response", serve(asked));
                }
                catch (Exception error)
                {
                    var said = Inner(error);
                    Log.Write(LogLevel.Error, said.ToString());
                    connection.Post($"{Version}/invocation/{asked.RequestId}/error", Described(said), said.GetType().Name);
                }
                connection.Next();
                connection.Accepted();
            }
        }

        static string Take(string name)
        {
            var value = Environment.GetEnvironmentVariable(name) ?? "";
            Environment.SetEnvironmentVariable(name, null);
            return value;
        }

        static Func<Event, byte[]> Tell(IList<Declared> found) =>
            _ => Encoding.UTF8.GetBytes(JsonConvert.SerializeObject(found.Select(one => new { name = one.Name, bindings = one.Bindings })));

        /// What was thrown, and not what carried it.
        static Exception Inner(Exception error) =>
            error is TargetInvocationException || error is AggregateException ? (error.InnerException == null ? error : Inner(error.InnerException)) : error;

        static byte[] Described(Exception error) =>
            Encoding.UTF8.GetBytes(JsonConvert.SerializeObject(new { errorType = error.GetType().Name, errorMessage = error.Message }));
    }

    /// Assemblies that lie beside the code; and ours, for whatever was compiled against the vendor's.
    static class Resolving
    {
        static readonly string[] Theirs = { "Microsoft.AspNetCore.", "Microsoft.Azure.WebJobs", "Microsoft.Extensions.", "Microsoft.NET.Sdk.Functions" };

        public static void From(params string[] folders)
        {
            AppDomain.CurrentDomain.AssemblyResolve += (_, asked) =>
            {
                var name = new AssemblyName(asked.Name).Name;
                if (Theirs.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal))) return typeof(Bootstrap).Assembly;
                var files = folders.Select(folder => Path.Combine(folder, name + ".dll"));
                var file = files.FirstOrDefault(File.Exists);
                return file == null ? null : Assembly.LoadFrom(file);
            };
        }
    }

    /// A function, as its attributes describe it.
    class Declared
    {
        public string Name;
        public MethodInfo Method;
        public List<Dictionary<string, object>> Bindings = new List<Dictionary<string, object>>();
        public ParameterInfo Trigger;

        public static IList<Declared> In(Assembly assembly)
        {
            const BindingFlags all = BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;
            var methods = assembly.GetTypes().SelectMany(type => type.GetMethods(all));
            var named = methods.Select(method => new { method, name = method.GetCustomAttribute<FunctionNameAttribute>()?.Name });
            return named.Where(one => one.name != null).Select(one => new Declared(one.name, one.method)).OrderBy(one => one.Name, StringComparer.Ordinal).ToList();
        }

        Declared(string name, MethodInfo method)
        {
            Name = name;
            Method = method;
            foreach (var parameter in method.GetParameters())
            {
                var http = parameter.GetCustomAttribute<HttpTriggerAttribute>();
                if (http != null)
                {
                    Trigger = parameter;
                    var binding = Binding("httpTrigger", "in", parameter.Name);
                    binding["authLevel"] = http.AuthLevel.ToString().ToLowerInvariant();
                    if (http.Methods != null && http.Methods.Length > 0) binding["methods"] = http.Methods;
                    if (http.Route != null) binding["route"] = http.Route;
                }
                foreach (var other in parameter.GetCustomAttributes<OtherBindingAttribute>()) Other(other, parameter.Name);
            }
            foreach (var other in method.ReturnParameter.GetCustomAttributes(typeof(OtherBindingAttribute), false)) Other(other, "$return");
            Binding("http", "out", "$return");
        }

        void Other(object attribute, string name)
        {
            var kind = attribute.GetType().Name.Replace("Attribute", "");
            Binding(char.ToLowerInvariant(kind[0]) + kind.Substring(1), kind.EndsWith("Trigger") ? "in" : "out", name);
        }

        Dictionary<string, object> Binding(string type, string direction, string name)
        {
            var binding = new Dictionary<string, object> { { "type", type }, { "direction", direction }, { "name", name } };
            Bindings.Add(binding);
            return binding;
        }
    }

    /// The one function that an instance is for.
    class Served
    {
        readonly Declared declared;
        readonly string root;
        readonly object instance;

        public Served(IEnumerable<Declared> found, string name, string root)
        {
            declared = found.FirstOrDefault(one => one.Name == name);
            this.root = root;
            if (declared == null) throw new Exception($"the assembly has no function \"{name}\"");
            if (!declared.Method.IsStatic) instance = Made(declared.Method.DeclaringType);
        }

        /// What a class asks its constructor for that is not a logger cannot be had.
        static object Made(Type type)
        {
            var constructor = type.GetConstructors().OrderBy(one => one.GetParameters().Length).First();
            var arguments = constructor.GetParameters().Select(parameter =>
                typeof(ILogger).IsAssignableFrom(parameter.ParameterType) ? Log.Of(parameter.ParameterType)
                : throw new Exception($"{type.Name} asks for a {parameter.ParameterType.Name}: dependency injection is not built"));
            return constructor.Invoke(arguments.ToArray());
        }

        public byte[] Serve(Event asked)
        {
            var context = Reading.Context(asked);
            var arguments = declared.Method.GetParameters().Select(parameter => Argument(parameter, context, asked));
            var result = Awaited(declared.Method.Invoke(instance, arguments.ToArray()));
            Answer(context, result);
            return Reading.Message(context.Response);
        }

        object Argument(ParameterInfo parameter, HttpContext context, Event asked)
        {
            var type = parameter.ParameterType;
            if (type == typeof(HttpRequest)) return context.Request;
            if (type == typeof(HttpContext)) return context;
            if (typeof(ILogger).IsAssignableFrom(type)) return Log.Of(type);
            if (type == typeof(System.Threading.CancellationToken)) return context.RequestAborted;
            if (type == typeof(Microsoft.Azure.WebJobs.ExecutionContext))
                return new Microsoft.Azure.WebJobs.ExecutionContext { InvocationId = Guid.Parse(asked.RequestId), FunctionName = declared.Name, FunctionDirectory = Path.Combine(root, declared.Name), FunctionAppDirectory = root };
            if (parameter == declared.Trigger) return Body(type, context.Request);
            return Named(parameter, context.Request);
        }

        /// What is asked for as something else than a request is made of its body.
        static object Body(Type type, HttpRequest request)
        {
            if (type == typeof(Stream)) return request.Body;
            var text = new StreamReader(request.Body).ReadToEnd();
            return type == typeof(string) ? text : JsonConvert.DeserializeObject(text, type);
        }

        /// Of the route, or else of the query.
        static object Named(ParameterInfo parameter, HttpRequest request)
        {
            string text = request.RouteValues.TryGetValue(parameter.Name, out var found) ? (string)found : (string)request.Query[parameter.Name];
            var type = Nullable.GetUnderlyingType(parameter.ParameterType) ?? parameter.ParameterType;
            if (text == null)
            {
                if (parameter.HasDefaultValue) return parameter.DefaultValue;
                return parameter.ParameterType.IsValueType ? Activator.CreateInstance(parameter.ParameterType) : null;
            }
            return type == typeof(string) ? text : TypeDescriptor.GetConverter(type).ConvertFromInvariantString(text);
        }

        static object Awaited(object result)
        {
            if (!(result is Task task)) return result;
            task.GetAwaiter().GetResult();
            var value = task.GetType().GetProperty("Result");
            var isNothing = value == null || value.PropertyType.Name == "VoidTaskResult";
            return isNothing ? null : value.GetValue(task);
        }

        void Answer(HttpContext context, object result)
        {
            if (result is IActionResult action) action.ExecuteResultAsync(new ActionContext { HttpContext = context }).Wait();
            else if (result != null) new OkObjectResult(result).ExecuteResult(new ActionContext { HttpContext = context });
            // Nothing was returned, and nothing was written.
            else if (context.Response.StatusCode == 200 && context.Response.Body.Length == 0) context.Response.StatusCode = 204;
        }
    }

    class Request : HttpRequest
    {
        public Request(HttpContext context, IHeaderDictionary headers) { HttpContext = context; Headers = headers; }
        public override HttpContext HttpContext { get; }
    }

    class Response : HttpResponse
    {
        public Response(HttpContext context) { HttpContext = context; }
        public override HttpContext HttpContext { get; }
    }

    class Context : HttpContext
    {
        public Context(IHeaderDictionary headers)
        {
            Request = new Request(this, headers);
            Response = new Response(this);
        }
        public override HttpRequest Request { get; }
        public override HttpResponse Response { get; }
    }

    /// From a message to a request, and from an answer to a message.
    static class Reading
    {
        static readonly byte[] EndOfHead = new byte[8];

        public static HttpContext Context(Event asked)
        {
            var end = Find(asked.Body, EndOfHead, 0);
            var head = JObject.Parse(Encoding.UTF8.GetString(asked.Body, 0, end));
            var headers = new Values();
            foreach (var pair in head["headers"]) headers.Append((string)pair[0], (string)pair[1]);
            var url = (string)head["url"];
            var mark = url.IndexOf('?');
            var query = mark < 0 ? "" : url.Substring(mark + 1);
            var context = new Context(headers) { TraceIdentifier = asked.RequestId };
            var request = context.Request;
            request.Method = (string)head["method"];
            request.Protocol = (string)head["version"];
            request.Scheme = headers["x-forwarded-proto"].Count > 0 ? headers["x-forwarded-proto"][0] : "http";
            request.Host = new HostString(headers["host"]);
            request.Path = Uri.UnescapeDataString(mark < 0 ? url : url.Substring(0, mark));
            request.QueryString = new QueryString(query == "" ? "" : "?" + query);
            request.Query = Pairs(query);
            request.Cookies = CookiesOf(headers["cookie"]);
            foreach (var pair in head["parameters"] ?? new JArray()) request.RouteValues[(string)pair[0]] = (string)pair[1];
            var from = end + EndOfHead.Length;
            request.Body = new MemoryStream(asked.Body, from, asked.Body.Length - from, false);
            if (System.Net.IPAddress.TryParse((string)head["ip"], out var address)) context.Connection.RemoteIpAddress = address;
            return context;
        }

        public static IFormCollection Pairs(string text)
        {
            var values = new Values();
            foreach (var pair in text.Split(new[] { '&' }, StringSplitOptions.RemoveEmptyEntries))
            {
                var equals = pair.IndexOf('=');
                var name = equals < 0 ? pair : pair.Substring(0, equals);
                values.Append(Plain(name), equals < 0 ? "" : Plain(pair.Substring(equals + 1)));
            }
            return values;
        }

        static string Plain(string text) => Uri.UnescapeDataString(text.Replace('+', ' '));

        static IRequestCookieCollection CookiesOf(string header)
        {
            var cookies = new Cookies();
            foreach (var pair in (header ?? "").Split(';').Select(part => part.Trim().Split(new[] { '=' }, 2)))
                if (pair.Length == 2) cookies[pair[0]] = Uri.UnescapeDataString(pair[1]);
            return cookies;
        }

        public static byte[] Message(HttpResponse response)
        {
            var headers = response.Headers.SelectMany(pair => pair.Value.ToArray().Select(value => new[] { pair.Key, value }));
            var head = Encoding.UTF8.GetBytes(JsonConvert.SerializeObject(new { status = response.StatusCode, headers }));
            var message = new MemoryStream();
            message.Write(head, 0, head.Length);
            message.Write(EndOfHead, 0, EndOfHead.Length);
            response.Body.Position = 0;
            response.Body.CopyTo(message);
            return message.ToArray();
        }

        public static int Find(byte[] all, byte[] wanted, int from)
        {
            for (var at = from; at + wanted.Length <= all.Length; at++)
            {
                var same = 0;
                while (same < wanted.Length && all[at + same] == wanted[same]) same++;
                if (same == wanted.Length) return at;
            }
            return -1;
        }
    }

    class Log : ILogger
    {
        class Typed<T> : Log, ILogger<T> { }

        public static LogLevel Least = LogLevel.Information;

        public static object Of(Type type) =>
            type.IsGenericType ? Activator.CreateInstance(typeof(Typed<>).MakeGenericType(type.GetGenericArguments())) : new Log();

        public bool IsEnabled(LogLevel level) => level >= Least && level != LogLevel.None;
        public IDisposable BeginScope<TState>(TState state) => new MemoryStream();
        void ILogger.Log<TState>(LogLevel level, EventId id, TState state, Exception exception, Func<TState, Exception, string> formatter)
        {
            if (!IsEnabled(level)) return;
            var text = formatter(state, exception);
            Write(level, exception == null ? text : $"{text}\n{exception}");
        }

        /// The lines of one message stay together: these are line breaks again in the log.
        public static void Write(LogLevel level, string text)
        {
            Console.Out.WriteLine($"[{level}] {text.Replace("\r\n", "\n").Replace('\n', '\u001e')}");
            Console.Out.Flush();
        }

        /// The least level of lines that are kept: the most precise word of host.json.
        public static LogLevel LevelOf(string file, string name)
        {
            var levels = File.Exists(file) ? JObject.Parse(File.ReadAllText(file))["logging"]?["logLevel"] : null;
            var said = new[] { $"Function.{name}.User", $"Function.{name}", "Function", "default", "Default" }.Select(category => (string)levels?[category]);
            return Enum.TryParse(said.FirstOrDefault(one => one != null), true, out LogLevel level) ? level : LogLevel.Information;
        }
    }

    class Event
    {
        public string RequestId;
        public byte[] Body;
    }

    /// The worker protocol over a connected socket: HTTP/1.1 in the least that it needs.
    class Connection
    {
        const int Piece = 256 << 10;
        /// More than this is sent in pieces: what comes whole is limited more strictly.
        const int LargestWhole = 4 << 20;
        static readonly byte[] EndOfHeaders = Encoding.ASCII.GetBytes("\r\n\r\n");
        readonly int descriptor;
        byte[] read = new byte[0];

        [DllImport("libc.so.6", EntryPoint = "read")]
        static extern IntPtr Read(int descriptor, byte[] into, IntPtr most);
        [DllImport("libc.so.6", EntryPoint = "write")]
        static extern unsafe IntPtr Write(int descriptor, byte* from, IntPtr most);

        public Connection(int descriptor) { this.descriptor = descriptor; }

        public void Next() => Send(Encoding.ASCII.GetBytes("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: runtime\r\n\r\n"));

        public void Answer(string path, byte[] body)
        {
            if (body.Length <= LargestWhole)
            {
                Post(path, body, null);
                return;
            }
            Send(Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: runtime\r\nContent-Type: application/octet-stream\r\nLambda-Runtime-Function-Response-Mode: streaming\r\nTransfer-Encoding: chunked\r\n\r\n"));
            for (var from = 0; from < body.Length; from += Piece)
            {
                var length = Math.Min(Piece, body.Length - from);
                Send(Encoding.ASCII.GetBytes($"{length:x}\r\n"));
                Send(body, from, length);
                Send(Encoding.ASCII.GetBytes("\r\n"));
            }
            Send(Encoding.ASCII.GetBytes("0\r\n\r\n"));
        }

        public void Post(string path, byte[] body, string errorType)
        {
            var kind = errorType == null ? "" : $"Lambda-Runtime-Function-Error-Type: {errorType}\r\n";
            Send(Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: runtime\r\nContent-Type: application/json\r\n{kind}Content-Length: {body.Length}\r\n\r\n"));
            Send(body);
        }

        /// An answer to an answer, which says nothing.
        public void Accepted() => Message();

        public Event Event()
        {
            var (headers, body) = Message();
            return new Event { RequestId = headers["lambda-runtime-aws-request-id"], Body = body };
        }

        (Dictionary<string, string>, byte[]) Message()
        {
            int end;
            while ((end = Reading.Find(read, EndOfHeaders, 0)) < 0) Fill(64 << 10);
            var lines = Encoding.ASCII.GetString(read, 0, end).Split(new[] { "\r\n" }, StringSplitOptions.None).Skip(1);
            var headers = lines.Select(line => line.Split(new[] { ':' }, 2)).ToDictionary(pair => pair[0].ToLowerInvariant(), pair => pair[1].Trim());
            var from = end + EndOfHeaders.Length;
            var length = headers.TryGetValue("content-length", out var said) ? int.Parse(said) : 0;
            var body = new byte[length];
            var have = Math.Min(length, read.Length - from);
            Array.Copy(read, from, body, 0, have);
            read = read.Skip(from + have).ToArray();
            var chunk = new byte[1 << 20];
            while (have < length)
            {
                var came = Some(chunk, Math.Min(chunk.Length, length - have));
                Array.Copy(chunk, 0, body, have, came);
                have += came;
            }
            return (headers, body);
        }

        void Fill(int most)
        {
            var chunk = new byte[most];
            var came = Some(chunk, most);
            read = read.Concat(chunk.Take(came)).ToArray();
        }

        int Some(byte[] into, int most)
        {
            var came = (int)Read(descriptor, into, (IntPtr)most);
            // Whoever gives the work has gone: nobody is left to work for.
            if (came <= 0) Environment.Exit(0);
            return came;
        }

        void Send(byte[] bytes) => Send(bytes, 0, bytes.Length);

        unsafe void Send(byte[] bytes, int from, int length)
        {
            fixed (byte* start = bytes)
            {
                while (length > 0)
                {
                    var written = (int)Write(descriptor, start + from, (IntPtr)length);
                    if (written <= 0) Environment.Exit(0);
                    from += written;
                    length -= written;
                }
            }
        }
    }
}
