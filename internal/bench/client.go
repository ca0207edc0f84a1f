package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// client is one connection that posts the same bytes again and again, only the
// GUID changes. net/http's client costs as much as the servers that it is to
// measure, on the same cores.
type client struct {
	conn    net.Conn
	in      *bufio.Reader
	request []byte
	guid    []byte // lies in request
	node    [8]byte
}

const guidLength = 36

func dial(ctx context.Context, address string, l load) (*client, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	head := "POST /api/github/hook HTTP/1.1\r\nHost: " + address + "\r\nUser-Agent: GitHub-Hookshot/bench\r\nAccept: */*\r\n" +
		"Content-Type: application/json\r\nX-GitHub-Event: workflow_run\r\nX-Hub-Signature-256: " + l.signature +
		"\r\nContent-Length: " + strconv.Itoa(len(l.body)) + "\r\nX-GitHub-Delivery: "
	request := append([]byte(head), make([]byte, guidLength)...)
	c := &client{conn: conn, in: bufio.NewReader(conn)}
	c.request = append(append(request, "\r\n\r\n"...), l.body...)
	_, _ = rand.Read(c.node[:]) // never fails since Go 1.24
	c.guid = c.request[len(head) : len(head)+guidLength]
	return c, nil
}

// post sends one delivery and waits for its answer, which must be 2xx.
func (c *client) post() error {
	c.stamp()
	if _, err := c.conn.Write(c.request); err != nil {
		return err
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("post to %s: %s", c.conn.RemoteAddr(), resp.Status)
	}
	return nil
}

func (c *client) close() { _ = c.conn.Close() }

// stamp gives the request a new GUID of version 1, the low bits of the time
// first, which is the form in the examples of GitHub's documentation. The form
// matters to whoever keeps an index of them.
func (c *client) stamp() {
	const epoch = 0x01B21DD213814000                // from 1582 to 1970, in 100 ns
	at := uint64(time.Now().UnixNano()/100) + epoch //nolint:forbidigo // a benchmark measures wall time
	_ = fmt.Appendf(c.guid[:0], "%08x-%04x-1%03x-%x-%x", uint32(at), uint16(at>>32), at>>48&0xfff, c.node[:2], c.node[2:])
}
