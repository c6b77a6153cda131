"""Requests of HTTP functions that need not go through the framework's application, because what it would do to them is
known: push the contexts of Flask, call the function, and make a response of what it returns. What few functions look at
(the session, the routes) is made when somebody looks.

Whatever is not as the framework leaves it goes through the application: hooks and handlers of signals that somebody has
added, sessions, other classes, paths that the router answers itself, other generations of Flask. `test_google_direct.py`
among the end-to-end tests compares the two ways."""

import re

from .wsgi import Answer, environ_of, send

_END_OF_HEAD = bytes(8)
# Paths that lead to the function as they stand.
_PLAIN = re.compile(r"/(?!robots\.txt$|favicon\.ico$)(?:[A-Za-z0-9._~!$&'()*+,;=:@-]+/?)*\Z")
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]+)?\Z")
_EMPTY = {"method": "GET", "url": "/", "version": "HTTP/1.1", "ip": "", "headers": []}
_new = object.__new__
# What Flask's own applications do not have: somebody has put it in the place of a method.
_METHODS = (
    "dispatch_request full_dispatch_request preprocess_request finalize_request make_response process_response "
    "handle_user_exception handle_exception handle_http_exception do_teardown_request do_teardown_appcontext "
    "request_context app_context create_url_adapter ensure_sync"
).split()


def direct_of(application, line):
    """None if the application's ways are not known."""
    try:
        return _Direct(application, line)
    except _Unknown:
        return None


class _Unknown(Exception):
    pass


def _contexts():
    """Flask's contexts, of which what is rarely wanted is made when it is."""
    from functools import cached_property

    from flask.ctx import AppContext, RequestContext

    class Application(AppContext):
        def __init__(self, app):
            self.app = app
            self.g = app.app_ctx_globals_class()
            self._cv_tokens = []

        @cached_property
        def url_adapter(self):
            return self.app.create_url_adapter(None)

    class Request(RequestContext):
        def __init__(self, app, request):
            self.app = app
            self.request = request
            self.flashes = None
            self._after_request_functions = []
            self._cv_tokens = []

        @cached_property
        def url_adapter(self):
            return self.app.create_url_adapter(self.request)

        @cached_property
        def _session(self):
            interface = self.app.session_interface
            return interface.open_session(self.app, self.request) or interface.make_null_session(self.app)

        def copy(self):
            return RequestContext(self.app, environ=self.request.environ, request=self.request, session=self._session)

    return Application, Request


class _Direct:
    def __init__(self, application, line):
        global _Base, _Headers
        import flask
        from werkzeug.datastructures import EnvironHeaders as _Headers
        from werkzeug.sansio.request import Request as _Base

        self._flask = flask
        self._app = application
        self._line = line
        self._function = _function_of(application)
        self._check_once()
        rules = {rule.rule: rule for rule in application.url_map.iter_rules()}
        self._root, self._rule = rules["/"], rules["/<path:path>"]
        self._Application, self._Request = _contexts()
        self._json = application.json
        self._host = "localhost"
        self._server = ("localhost", int(environ_of(_EMPTY, b"")["SERVER_PORT"]))
        self._receivers = (
            flask.request_started.receivers,
            flask.request_finished.receivers,
            flask.request_tearing_down.receivers,
            flask.appcontext_pushed.receivers,
            flask.appcontext_popped.receivers,
            flask.appcontext_tearing_down.receivers,
        )

    def _check_once(self):
        from importlib.metadata import version

        import functions_framework
        from flask.sessions import SecureCookieSessionInterface
        from functions_framework.execution_id import WsgiMiddleware, _generate_execution_id

        flask, app = self._flask, self._app
        after = app.after_request_funcs
        known = (
            re.match(r"3\.1\.", version("flask"))
            and re.match(r"3\.1\.", version("werkzeug"))
            and type(app) is flask.Flask
            and type(app.wsgi_app) is WsgiMiddleware
            and getattr(app.wsgi_app.wsgi_app, "__func__", None) is flask.Flask.wsgi_app
            and not any(name in app.__dict__ for name in _METHODS)
            and not (app.before_request_funcs or app.teardown_request_funcs or app.teardown_appcontext_funcs)
            and not (app.url_value_preprocessors or app.blueprints)
            and list(after) == [None]
            and after[None] == [functions_framework.read_request]
            and type(app.session_interface) is SecureCookieSessionInterface
            and not functions_framework._enable_execution_id_logging()
        )
        if not known:
            raise _Unknown
        self._new_id = _generate_execution_id

    def _is_as_it_was(self):
        """What a function may change while it runs."""
        app = self._app
        if app.request_class is not self._flask.Request or app.response_class is not self._flask.Response:
            return False
        config = app.config
        if config["SECRET_KEY"] is not None or config["TRUSTED_HOSTS"] is not None or config["SERVER_NAME"] is not None:
            return False
        started, finished, ends, pushed, popped, closes = self._receivers
        return not (started or finished or ends or pushed or popped or closes)

    def serve(self, call, head, body):
        """Serves it, unless it has to go through the application."""
        path = head["url"].partition("?")[0]
        if (path != "/" and not _PLAIN.match(path)) or not self._is_as_it_was():
            return False
        environ = environ_of(head, body)
        host = environ.get("HTTP_HOST", "")
        if host != self._host:
            if not _HOST.match(host):
                return False
            self._host = host
        if not environ.get("HTTP_FUNCTION_EXECUTION_ID"):
            environ["HTTP_FUNCTION_EXECUTION_ID"] = self._new_id()
        request = self._request(environ, path)
        request.json_module = self._json
        if path == "/":
            request.url_rule, request.view_args = self._root, {"path": ""}
        else:
            request.url_rule, request.view_args = self._rule, {"path": path[1:]}
        self._run(call, request, environ)
        return True

    def _request(self, environ, path):
        """As Werkzeug's own, of parts that need not be looked at again."""
        request = _new(self._flask.Request)
        _Base.__init__(
            request,
            method=environ["REQUEST_METHOD"],
            scheme="http",
            server=self._server,
            root_path="",
            path=path,
            query_string=environ["QUERY_STRING"].encode("latin1"),
            headers=_Headers(environ),
            remote_addr=environ["REMOTE_ADDR"],
        )
        request.environ = environ
        request.shallow = False
        environ["werkzeug.request"] = request
        return request

    def _run(self, call, request, environ):
        app, flask_globals = self._app, self._flask.globals
        around, context = self._Application(app), self._Request(app, request)
        around._cv_tokens.append(flask_globals._cv_app.set(around))
        context._cv_tokens.append((flask_globals._cv_request.set(context), around))
        error = None
        try:
            try:
                try:
                    returned = self._function(request)
                except Exception as cause:
                    returned = app.handle_user_exception(cause)
                if type(returned) is str and environ["REQUEST_METHOD"] != "HEAD" and not context._after_request_functions:
                    # What becomes of a text is known.
                    self._line.answer(call, _text(returned))
                    return
                response = app.finalize_request(returned)
            except Exception as cause:
                error = cause
                response = app.handle_exception(cause)
            self._respond(call, response, environ)
        finally:
            if "_session" in context.__dict__ or "url_adapter" in context.__dict__ or error is not None:
                context.pop(error)
            else:
                self._leave(around, context, request, environ)

    def _leave(self, around, context, request, environ):
        """As the contexts do, if nobody has asked them for anything."""
        if "files" in request.__dict__:
            request.close()
        token, _ = context._cv_tokens.pop()
        self._flask.globals._cv_request.reset(token)
        environ["werkzeug.request"] = None
        self._flask.globals._cv_app.reset(around._cv_tokens.pop())

    def _respond(self, call, response, environ):
        answer = Answer(self._line, call)
        length = None

        def start_response(status, headers, exc_info=None):
            nonlocal length
            length = next((int(value) for name, value in headers if name.lower() == "content-length"), None)
            answer.start(int(status.split(" ", 1)[0]), headers)
            return answer.add

        send(answer, response(environ, start_response), length)


def _text(text):
    body = text.encode()
    return b'{"status":200,"headers":[["Content-Type","text/html; charset=utf-8"],["Content-Length","%d"]]}%b%b' % (len(body), _END_OF_HEAD, body)


def _function_of(application):
    """The function's own, which the framework has wrapped twice."""
    view = application.view_functions.get("run")
    for name in ("view_function", "function"):
        cells = dict(zip(view.__code__.co_freevars, view.__closure__ or ())) if hasattr(view, "__code__") else {}
        if name not in cells:
            raise _Unknown
        view = cells[name].cell_contents
    return view


