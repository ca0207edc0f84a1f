package intake

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// countingListener counts what the server reads from its connections.
type countingListener struct {
	net.Listener
	read *atomic.Int64
}

func (l countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return countingConn{c, l.read}, err
}

type countingConn struct {
	net.Conn
	read *atomic.Int64
}

func (c countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

// bodyOf is a JSON object of exactly n bytes.
func bodyOf(n int) string {
	const frame = `{"a":""}`
	return `{"a":"` + strings.Repeat("x", n-len(frame)) + `"}`
}

func TestBodyLimit(t *testing.T) {
	if MaxBody != 25*1024*1024 {
		t.Fatalf("the limit is %d bytes", MaxBody)
	}
	chunked := func(r *http.Request) { r.ContentLength = -1 }
	for _, tt := range []struct {
		name   string
		size   int
		change func(*http.Request)
		code   int
	}{
		{"one below", MaxBody - 1, nil, 202},
		{"at it", MaxBody, nil, 202},
		{"one above", MaxBody + 1, nil, 413},
		{"one below, length unknown", MaxBody - 1, chunked, 202},
		{"at it, length unknown", MaxBody, chunked, 202},
		{"one above, length unknown", MaxBody + 1, chunked, 413},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := openHouse(t)
			srv := serve(t, h)
			code, _, text := hook{body: bodyOf(tt.size), change: tt.change}.post(t, srv)
			if code != tt.code {
				t.Errorf("answered %d %q, want %d", code, text, tt.code)
			}
			if got := count(t, h.store, `SELECT COUNT(*) FROM deliveries WHERE size = ?`, tt.size); (got == 1) != (tt.code == 202) {
				t.Errorf("%d deliveries stored", got)
			}
		})
	}
}

// TestNothingReadPastTheLimit sends without end and watches where the server
// stops reading. The slack is its connection's buffer and the chunks' framing.
func TestNothingReadPastTheLimit(t *testing.T) {
	const slack = 64 << 10
	signed := "X-Hub-Signature-256: sha256=" + strings.Repeat("ab", 32) + "\r\n"
	for _, tt := range []struct {
		name, head string
		code       int
		atMost     int64
	}{
		{"unsigned and endless", "Transfer-Encoding: chunked\r\n", 401, slack},
		{"unsigned and announced", "Content-Length: 9000000000\r\n", 401, slack},
		{"announced above the limit", signed + "Content-Length: 26214401\r\n", 413, slack},
		{"endless", signed + "Transfer-Encoding: chunked\r\n", 413, MaxBody + slack},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := openHouse(t)
			var read atomic.Int64
			srv := httptest.NewUnstartedServer(serve(t, h).Config.Handler)
			srv.Listener = countingListener{srv.Listener, &read}
			srv.Start()
			defer srv.Close()

			c, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			fmt.Fprintf(c, "POST /api/github/hook HTTP/1.1\r\nHost: x\r\nX-GitHub-Event: push\r\nX-GitHub-Delivery: g\r\nContent-Type: application/json\r\n%s\r\n", tt.head)
			sent := make(chan struct{})
			go func() { // until the server hangs up
				defer close(sent)
				chunk := "10000\r\n" + strings.Repeat("x", 0x10000) + "\r\n"
				for {
					if _, err := io.WriteString(c, chunk); err != nil {
						return
					}
				}
			}()
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != tt.code || !resp.Close {
				t.Errorf("answered %d, connection closed: %t; want %d, closed", resp.StatusCode, resp.Close, tt.code)
			}
			<-sent
			if got := read.Load(); got > tt.atMost {
				t.Errorf("server read %d bytes, want at most %d", got, tt.atMost)
			}
		})
	}
}
