"""Keeps requests to the vendor's API hosts on this machine, as `redirect.js` does.

Their names lead to Fulmar, and what would be a secure connection to one of them is a plain one, dressed as secure. Every
client of the language's own `ssl` gets it: the request in it, with its Host and its signature, is not touched. So a
program needs no change and no setting, and a function under test cannot reach the real cloud by accident.
"""

import socket

from . import given

_THEIRS = (".amazonaws.com", ".amazonaws.com.cn")
# What their names resolve to: a loopback address that nobody has. Some clients keep nothing else of what they resolve, so
# that the port has to be put right when they connect.
_MARK = "127.97.119.115"
_CIPHER = ("TLS_AES_128_GCM_SHA256", "TLSv1.3", 128)


def redirect(ssl):
    """Changes the module; which functions are redirected is looked up with each connection, as a process that waits for
    somebody's code knows nothing of them."""
    resolve = socket.getaddrinfo
    context = ssl.SSLContext
    wrap_socket, wrap_bio = context.wrap_socket, context.wrap_bio
    secure_socket, secure_object = _dressed_socket(ssl), _dressed_object(ssl)

    def getaddrinfo(host, port, *words, **named):
        return resolve(_MARK if _is_theirs(host) else host, port, *words, **named)

    def wrap_a_socket(self, sock, *words, **named):
        name = named.get("server_hostname")
        # One that leads elsewhere is somebody's tunnel, which has its own end.
        if _is_theirs(name) and _leads_here(sock):
            return secure_socket(self, sock, name)
        return wrap_socket(self, sock, *words, **named)

    def wrap_a_bio(self, incoming, outgoing, *words, **named):
        name = named.get("server_hostname")
        if _is_theirs(name):
            return secure_object(self, incoming, outgoing, name)
        return wrap_bio(self, incoming, outgoing, *words, **named)

    socket.getaddrinfo = getaddrinfo
    for name in ("connect", "connect_ex"):
        _redirect_method(name)
    context.wrap_socket = wrap_a_socket
    context.wrap_bio = wrap_a_bio


def _redirect_method(name):
    plain = getattr(socket.socket, name)

    def connect(self, address):
        theirs = isinstance(address, tuple) and (address[0] == _MARK or _is_theirs(address[0]))
        return plain(self, _here() if theirs else address)

    setattr(socket.socket, name, connect)


def _is_theirs(host):
    # Other clouds' functions speak to nobody of theirs.
    if not host or not given.get("ENDPOINT") or given.get("ADAPTER"):
        return False
    name = host.decode("ascii", "replace") if isinstance(host, (bytes, bytearray)) else str(host)
    return f".{name.rstrip('.').lower()}".endswith(_THEIRS)


def _here():
    host, _, port = given.get("ENDPOINT").rpartition(":")
    return host, int(port)


def _leads_here(sock):
    try:
        return sock.getpeername()[:2] == _here()
    except OSError:
        return False


def _certificate(name, binary_form):
    """What a client finds when it compares names itself."""
    names = ((("commonName", name),),)
    return b"" if binary_form else {"subject": names, "subjectAltName": (("DNS", name),)}


def _dressed_socket(ssl):
    class DressedSocket(ssl.SSLSocket):
        """The library's own, which is a plain socket as long as it has no session."""

        def __init__(self, context, sock, name):
            timeout = sock.gettimeout()
            # Past the library's, which refuses to be called.
            socket.socket.__init__(self, sock.family, sock.type, sock.proto, sock.detach())
            self.settimeout(timeout)
            self._context, self._session, self._sslobj = context, None, None
            self._closed, self._connected = False, True
            self.server_side, self.server_hostname = False, name
            self.do_handshake_on_connect = self.suppress_ragged_eofs = True

        def do_handshake(self, block=False):
            pass

        def getpeercert(self, binary_form=False):
            return _certificate(self.server_hostname, binary_form)

        def version(self):
            return "TLSv1.3"

        def cipher(self):
            return _CIPHER

        def read(self, length=1024, buffer=None):
            return self.recv(length) if buffer is None else self.recv_into(buffer, length)

        def write(self, data):
            return self.send(data)

        def unwrap(self):
            return self

    return DressedSocket


def _dressed_object(ssl):
    class DressedObject(ssl.SSLObject):
        """For those who carry the bytes themselves, as `asyncio` does."""

        def __init__(self, context, incoming, outgoing, name):
            self._context, self._incoming, self._outgoing, self._name = context, incoming, outgoing, name

        context = property(lambda self: self._context)
        session = property(lambda self: None)
        session_reused = property(lambda self: False)
        server_side = property(lambda self: False)
        server_hostname = property(lambda self: self._name)

        def do_handshake(self):
            pass

        def getpeercert(self, binary_form=False):
            return _certificate(self._name, binary_form)

        def version(self):
            return "TLSv1.3"

        def cipher(self):
            return _CIPHER

        def compression(self):
            return None

        def selected_alpn_protocol(self):
            return None

        def pending(self):
            return self._incoming.pending

        def read(self, length=1024, buffer=None):
            if not self._incoming.pending and not self._incoming.eof:
                raise ssl.SSLWantReadError(ssl.SSL_ERROR_WANT_READ, "nothing has come yet")
            if buffer is None:
                return self._incoming.read(length)
            came = self._incoming.read(min(length, len(buffer)))
            buffer[: len(came)] = came
            return len(came)

        def write(self, data):
            return self._outgoing.write(data)

        def unwrap(self):
            pass

    return DressedObject
