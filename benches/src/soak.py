import concurrent.futures, gc, hashlib, http.client, http.server, os, socket, ssl, threading, uuid, zlib


def pool():
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        return sum(threads.map(lambda n: n * n, range(10))) == 285


def timer():
    rang = threading.Event()
    threading.Timer(0.001, rang.set).start()
    return rang.wait(10)


def sockets():
    one, other = socket.socketpair()
    one.sendall(b"hello")
    came = other.recv(5) == b"hello"
    one.close()
    other.close()
    return came


class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"served")

    def log_message(self, *_):
        pass


def web():
    server = http.server.HTTPServer(("127.0.0.1", 0), Hello)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    client = http.client.HTTPConnection(*server.server_address, timeout=10)
    client.request("GET", "/")
    served = client.getresponse().read() == b"served"
    client.close()
    thread.join()
    server.server_close()
    return served


def crypto():
    return len(hashlib.sha256(ssl.RAND_bytes(32)).digest()) == 32 and uuid.uuid4() != uuid.uuid4()


def collected():
    kept = []
    for _ in range(20000):
        kept.append([kept])
        kept = kept[-10:]
    return gc.collect() >= 0 and zlib.decompress(zlib.compress(b"x" * 100000)) == b"x" * 100000


every = [pool, timer, sockets, web, crypto, collected]
assert all(one() for one in every)


def handler(event, context):
    return [one.__name__ for one in every if one() is not True]
