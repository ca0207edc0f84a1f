package githubtest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" // GitHub still sends the legacy signature
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Delivery is one attempt to send a webhook.
type Delivery struct {
	ID             int64
	GUID           string
	Event, Action  string
	InstallationID int64
	RepositoryID   int64
	Redelivery     bool
	DeliveredAt    time.Time
	Duration       time.Duration
	Status         string // "OK", else what went wrong
	StatusCode     int    // 0 while it is under way
	Payload        json.RawMessage
	Response       string // the first 2,000 bytes
	header         http.Header
	url            string
}

// SendOptions bend a webhook sent by hand.
type SendOptions struct {
	GUID         string // default a new one
	BadSignature bool   // signed with another secret
	SHA1Only     bool   // only the legacy X-Hub-Signature
	NoSignature  bool
	Secret       string // default the App's
	Redelivery   bool   // recorded as such
	Header       http.Header
}

// hookQueue holds webhooks that wait for their turn.
type hookQueue struct {
	waiting []*Delivery // in the order of the events
	wake    chan struct{}
	busy    int // being sent from the queue
	held    bool
	drop    bool
	sent    []*Delivery // oldest first
}

// emit sends an event to the installation, if it receives such events. Events of the double's own state go out one after
// the other, in the order in which they happened. The caller holds mu.
func (s *Server) emit(i *installation, r *Repo, event, action, sender string, p object) {
	s.notify()
	if s.hookURL == "" || i == nil || !i.receives(event, action) {
		return
	}
	if action != "" {
		p["action"] = action
	}
	p["sender"] = s.showUser(sender)
	if p["installation"] == nil {
		p["installation"] = object{"id": i.id, "node_id": nodeID("Integration", i.id)}
	}
	d := &Delivery{GUID: newGUID(), Event: event, Action: action, InstallationID: i.id, url: s.hookURL}
	if r != nil {
		d.RepositoryID = r.ID
		if p["repository"] == nil {
			p["repository"] = s.showRepo(r)
		}
		if s.userOf(r.owner, "Organization").kind == "Organization" {
			p["organization"] = s.showOrganization(r.owner)
		}
	}
	d.Payload = encode(s.desc.hooks.complete(hookSchema(event, action), p))
	s.hooks.waiting = append(s.hooks.waiting, d)
	s.wakeSender()
}

func (s *Server) showOrganization(login string) object {
	u := s.showUser(login)
	api := s.base + "/orgs/" + login
	return object{"login": login, "id": u["id"], "node_id": u["node_id"], "url": api, "repos_url": api + "/repos", "events_url": api + "/events", "hooks_url": api + "/hooks",
		"issues_url": api + "/issues", "members_url": api + "/members{/member}", "public_members_url": api + "/public_members{/member}", "avatar_url": u["avatar_url"], "description": ""}
}

// hookSchema names the schema of an event in the webhook description.
func hookSchema(event, action string) string {
	if event == "repository_dispatch" { // its action is any event type
		return "webhook-repository-dispatch-sample"
	}
	name := "webhook-" + event
	if action != "" {
		name += "-" + action
	}
	return strings.ReplaceAll(name, "_", "-")
}

func (s *Server) wakeSender() {
	if s.hooks.wake != nil {
		close(s.hooks.wake)
		s.hooks.wake = nil
	}
}

// deliverQueued is the sender of the queue; it ends when the server closes.
func (s *Server) deliverQueued() {
	for {
		s.mu.Lock()
		if s.hooks.held || len(s.hooks.waiting) == 0 {
			wake := make(chan struct{})
			s.hooks.wake = wake
			s.mu.Unlock()
			select {
			case <-wake:
			case <-s.ctx.Done():
				return
			}
			continue
		}
		d := s.hooks.waiting[0]
		s.hooks.waiting = s.hooks.waiting[1:]
		s.hooks.busy++
		s.mu.Unlock()
		s.deliver(s.ctx, d, SendOptions{})
		s.mu.Lock()
		s.hooks.busy--
		s.notify()
		s.mu.Unlock()
		if s.ctx.Err() != nil {
			return
		}
	}
}

// SendWebhook sends any payload now, beside the queue, and returns when it was answered. The error is about the sending
// itself being impossible; a receiver that refuses or is not there is a Delivery with that status.
func (s *Server) SendWebhook(event string, payload []byte, o SendOptions) (Delivery, error) {
	var head struct {
		Action       string
		Installation struct{ ID int64 }
		Repository   struct{ ID int64 }
	}
	_ = json.Unmarshal(payload, &head) // a test may send what is not JSON
	s.mu.Lock()
	if s.hookURL == "" {
		s.mu.Unlock()
		return Delivery{}, errors.New("send webhook: no hook is set")
	}
	d := &Delivery{GUID: o.GUID, Event: event, Action: head.Action, InstallationID: head.Installation.ID, RepositoryID: head.Repository.ID,
		Redelivery: o.Redelivery, Payload: payload, url: s.hookURL}
	if d.GUID == "" {
		d.GUID = newGUID()
	}
	s.mu.Unlock()
	s.deliver(s.ctx, d, o)
	s.mu.Lock()
	defer s.mu.Unlock()
	return *d, nil
}

// deliver posts d and records how that went. Nothing else changes d.
func (s *Server) deliver(ctx context.Context, d *Delivery, o SendOptions) {
	s.mu.Lock()
	drop := s.hooks.drop
	d.ID = s.newID() // ids rise in the order of sending: the cursor of the list depends on it
	d.DeliveredAt, d.Status = s.clock.Now(), "pending"
	d.header = s.hookHeader(d, o)
	s.hooks.sent = append(s.hooks.sent, d)
	s.mu.Unlock()
	start := wall.Now()
	status, code, response := "failed to connect to host", http.StatusBadGateway, ""
	if !drop {
		status, code, response = s.transmit(ctx, d)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d.Status, d.StatusCode, d.Response, d.Duration = status, code, response, wall.Since(start)
	_, _ = fmt.Fprintf(s.cfg.Log, "webhook %s %s.%s -> %d %s\n", d.GUID, d.Event, d.Action, d.StatusCode, d.Status)
	s.notify()
}

func (s *Server) hookHeader(d *Delivery, o SendOptions) http.Header {
	h := http.Header{
		"Accept": {"*/*"}, "Content-Type": {"application/json"}, "User-Agent": {"GitHub-Hookshot/0000000"},
		"X-Github-Delivery": {d.GUID}, "X-Github-Event": {d.Event}, "X-Github-Hook-Id": {"77"},
		"X-Github-Hook-Installation-Target-Id": {strconv.FormatInt(s.AppID, 10)}, "X-Github-Hook-Installation-Target-Type": {"integration"},
	}
	secret := o.Secret
	if secret == "" {
		secret = s.cfg.WebhookSecret
	}
	if o.BadSignature {
		secret += " but another"
	}
	if !o.NoSignature {
		h.Set("X-Hub-Signature", "sha1="+sign(sha1.New, secret, d.Payload))
		if !o.SHA1Only {
			h.Set("X-Hub-Signature-256", "sha256="+sign(sha256.New, secret, d.Payload))
		}
	}
	for k, v := range o.Header {
		h[http.CanonicalHeaderKey(k)] = v
	}
	return h
}

func sign(h func() hash.Hash, secret string, body []byte) string {
	m := hmac.New(h, []byte(secret))
	m.Write(body)
	return hex.EncodeToString(m.Sum(nil))
}

func (s *Server) transmit(ctx context.Context, d *Delivery) (status string, code int, response string) {
	if err := loopbackOnly(d.url); err != nil {
		return err.Error(), 0, ""
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(d.Payload))
	if err != nil {
		return err.Error(), 0, ""
	}
	req.Header = d.header
	resp, err := s.post.Do(req)
	if err != nil {
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return "timed out", http.StatusGatewayTimeout, ""
		}
		return "failed to connect to host", http.StatusBadGateway, ""
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 2000))
	if resp.StatusCode >= 300 {
		return "Invalid HTTP Response: " + strconv.Itoa(resp.StatusCode), resp.StatusCode, string(b)
	}
	return "OK", resp.StatusCode, string(b)
}

// loopbackOnly keeps a mistyped address from sending test data anywhere.
func loopbackOnly(target string) error {
	u, err := url.Parse(target)
	if err != nil {
		return fmt.Errorf("parse hook address: %w", err)
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return errors.New("refused: the double delivers to loopback addresses only")
	}
	return nil
}

func newGUID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails, says crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
