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
)

// client is one connection that posts the same bytes again and again, only the
// GUID changes. net/http's client costs as much as the servers that it is to
// measure, on the same cores.
type client struct {
	conn    net.Conn
	in      *bufio.Reader
	request []byte
	guid    []byte // lies in request
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
	c.guid = c.request[len(head) : len(head)+guidLength]
	return c, nil
}

// post sends one delivery and waits for its answer, which must be 2xx.
func (c *client) post() error {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	_ = fmt.Appendf(c.guid[:0], "%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
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
