// The attributes by which C# functions say what they are, and what they log with.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;

namespace Microsoft.Azure.WebJobs.Extensions.Http
{
    public enum AuthorizationLevel { Anonymous, User, Function, System, Admin }
}

namespace Microsoft.Azure.WebJobs
{
    using Microsoft.Azure.WebJobs.Extensions.Http;

    [AttributeUsage(AttributeTargets.Method)]
    public sealed class FunctionNameAttribute : Attribute
    {
        public FunctionNameAttribute(string name) { Name = name; }
        public string Name { get; }
    }

    [AttributeUsage(AttributeTargets.Parameter)]
    public sealed class HttpTriggerAttribute : Attribute
    {
        public HttpTriggerAttribute() : this(AuthorizationLevel.Function) { }
        public HttpTriggerAttribute(params string[] methods) : this(AuthorizationLevel.Function, methods) { }
        public HttpTriggerAttribute(AuthorizationLevel authLevel) : this(authLevel, null) { }
        public HttpTriggerAttribute(AuthorizationLevel authLevel, params string[] methods) { AuthLevel = authLevel; Methods = methods; }
        public AuthorizationLevel AuthLevel { get; }
        public string[] Methods { get; }
        public string Route { get; set; }
    }

    public class ExecutionContext
    {
        public Guid InvocationId { get; set; }
        public string FunctionName { get; set; }
        public string FunctionDirectory { get; set; }
        public string FunctionAppDirectory { get; set; }
    }

    /// What else there may be is known by name, so that it can be refused by name.
    public abstract class OtherBindingAttribute : Attribute { }
    [AttributeUsage(AttributeTargets.Parameter)]
    public sealed class TimerTriggerAttribute : OtherBindingAttribute { public TimerTriggerAttribute(string schedule) { } public bool RunOnStartup { get; set; } public bool UseMonitor { get; set; } }
    [AttributeUsage(AttributeTargets.Parameter)]
    public sealed class QueueTriggerAttribute : OtherBindingAttribute { public QueueTriggerAttribute(string queue) { } public string Connection { get; set; } }
    [AttributeUsage(AttributeTargets.Parameter)]
    public sealed class BlobTriggerAttribute : OtherBindingAttribute { public BlobTriggerAttribute(string path) { } public string Connection { get; set; } }
    [AttributeUsage(AttributeTargets.Parameter)]
    public sealed class ServiceBusTriggerAttribute : OtherBindingAttribute { public ServiceBusTriggerAttribute(string queue) { } public ServiceBusTriggerAttribute(string topic, string subscription) { } public string Connection { get; set; } }
    [AttributeUsage(AttributeTargets.Parameter)]
    public sealed class EventHubTriggerAttribute : OtherBindingAttribute { public EventHubTriggerAttribute(string name) { } public string Connection { get; set; } }
    [AttributeUsage(AttributeTargets.Parameter | AttributeTargets.ReturnValue)]
    public sealed class QueueAttribute : OtherBindingAttribute { public QueueAttribute(string queue) { } public string Connection { get; set; } }
    [AttributeUsage(AttributeTargets.Parameter | AttributeTargets.ReturnValue)]
    public sealed class BlobAttribute : OtherBindingAttribute { public BlobAttribute(string path) { } public BlobAttribute(string path, System.IO.FileAccess access) { } public string Connection { get; set; } }
    [AttributeUsage(AttributeTargets.Parameter | AttributeTargets.ReturnValue)]
    public sealed class TableAttribute : OtherBindingAttribute { public TableAttribute(string table) { } public string Connection { get; set; } }

    public class TimerInfo { public bool IsPastDue { get; set; } }
    public interface ICollector<T> { void Add(T item); }
    public interface IAsyncCollector<T> { System.Threading.Tasks.Task AddAsync(T item, System.Threading.CancellationToken cancellation = default(System.Threading.CancellationToken)); }
}

namespace Microsoft.Extensions.Logging
{
    public enum LogLevel { Trace, Debug, Information, Warning, Error, Critical, None }

    public struct EventId
    {
        public EventId(int id, string name = null) { Id = id; Name = name; }
        public int Id { get; }
        public string Name { get; }
        public static implicit operator EventId(int id) => new EventId(id);
    }

    public interface ILogger
    {
        void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception exception, Func<TState, Exception, string> formatter);
        bool IsEnabled(LogLevel logLevel);
        IDisposable BeginScope<TState>(TState state);
    }
    public interface ILogger<out T> : ILogger { }

    public static class LoggerExtensions
    {
        public static void Log(this ILogger logger, LogLevel level, string message, params object[] arguments) => logger.Log(level, null, message, arguments);
        public static void Log(this ILogger logger, LogLevel level, Exception exception, string message, params object[] arguments) =>
            logger.Log(level, 0, message, exception, (text, _) => Filled(text, arguments));

        public static void LogTrace(this ILogger logger, string message, params object[] arguments) => logger.Log(LogLevel.Trace, message, arguments);
        public static void LogDebug(this ILogger logger, string message, params object[] arguments) => logger.Log(LogLevel.Debug, message, arguments);
        public static void LogInformation(this ILogger logger, string message, params object[] arguments) => logger.Log(LogLevel.Information, message, arguments);
        public static void LogWarning(this ILogger logger, string message, params object[] arguments) => logger.Log(LogLevel.Warning, message, arguments);
        public static void LogError(this ILogger logger, string message, params object[] arguments) => logger.Log(LogLevel.Error, message, arguments);
        public static void LogCritical(this ILogger logger, string message, params object[] arguments) => logger.Log(LogLevel.Critical, message, arguments);
        public static void LogInformation(this ILogger logger, Exception exception, string message, params object[] arguments) => logger.Log(LogLevel.Information, exception, message, arguments);
        public static void LogWarning(this ILogger logger, Exception exception, string message, params object[] arguments) => logger.Log(LogLevel.Warning, exception, message, arguments);
        public static void LogError(this ILogger logger, Exception exception, string message, params object[] arguments) => logger.Log(LogLevel.Error, exception, message, arguments);
        public static void LogCritical(this ILogger logger, Exception exception, string message, params object[] arguments) => logger.Log(LogLevel.Critical, exception, message, arguments);

        /// `{Name}` stands for the next argument, whatever it is called.
        static string Filled(string text, object[] arguments)
        {
            if (text == null || arguments == null || arguments.Length == 0) return text ?? "[null]";
            var filled = new StringBuilder();
            var next = 0;
            for (var at = 0; at < text.Length; at++)
            {
                var close = text[at] == '{' ? text.IndexOf('}', at) : -1;
                if (at + 1 < text.Length && text[at] == text[at + 1] && (text[at] == '{' || text[at] == '}'))
                {
                    filled.Append(text[at++]);
                }
                else if (close > 0 && next < arguments.Length)
                {
                    var hole = text.Substring(at + 1, close - at - 1);
                    var colon = hole.IndexOf(':');
                    filled.Append(string.Format(colon < 0 ? "{0}" : "{0" + hole.Substring(colon) + "}", arguments[next++] ?? "(null)"));
                    at = close;
                }
                else filled.Append(text[at]);
            }
            return filled.ToString();
        }
    }
}
