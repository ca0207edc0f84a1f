package githubtest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Deliveries are all attempts so far, oldest first, those under way included.
func (s *Server) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Delivery, len(s.hooks.sent))
	for i, d := range s.hooks.sent {
		out[i] = *d
	}
	return out
}

// DropDeliveries makes the receiver unreachable, or reachable again: webhooks are recorded as failed and not sent, those
// that are sent again too.
func (s *Server) DropDeliveries(drop bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks.drop = drop
}

// HoldDeliveries keeps the webhooks of later events back until ReleaseDeliveries.
func (s *Server) HoldDeliveries() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks.held = true
}

// ReleaseDeliveries sends what was held back, as arranged: arrange may reorder, repeat and leave out. nil keeps the order.
// A repeated delivery has the same GUID.
func (s *Server) ReleaseDeliveries(arrange func([]Delivery) []Delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks.held = false
	if arrange != nil {
		var held []Delivery
		for _, d := range s.hooks.waiting {
			held = append(held, *d)
		}
		s.hooks.waiting = nil
		for _, d := range arrange(held) {
			s.hooks.waiting = append(s.hooks.waiting, &d)
		}
	}
	s.wakeSender()
}

// Settle waits until no webhook of the queue waits or is under way; it does not end while they are held back.
func (s *Server) Settle(ctx context.Context) error {
	return s.Wait(ctx, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.hooks.waiting) == 0 && s.hooks.busy == 0
	})
}

// Redeliver sends a recorded delivery again with the same GUID, as the button in GitHub's settings does.
func (s *Server) Redeliver(id int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.redeliver(id) {
		return fmt.Errorf("redeliver %d: there is no such delivery", id)
	}
	return nil
}

func (s *Server) redeliver(id int64) bool {
	d := s.delivery(id)
	if d == nil {
		return false
	}
	again := &Delivery{GUID: d.GUID, Event: d.Event, Action: d.Action, InstallationID: d.InstallationID, RepositoryID: d.RepositoryID,
		Redelivery: true, Payload: d.Payload, url: s.hookURL}
	s.do(func() { s.deliver(s.ctx, again, SendOptions{}) })
	return true
}

// deliveriesKept is how long github.com lists and redelivers a delivery.
const deliveriesKept = 3 * 24 * time.Hour

// delivery finds a finished delivery that GitHub still knows.
func (s *Server) delivery(id int64) *Delivery {
	for _, d := range s.hooks.sent {
		if d.ID == id && d.Status != "pending" && s.clock.Now().Sub(d.DeliveredAt) < deliveriesKept {
			return d
		}
	}
	return nil
}

var deliveryHandlers = map[string]handler{
	"apps/get-webhook-config-for-app": func(c *call) (answer, error) { return ok(c.s.showHook()) },
	"apps/update-webhook-config-for-app": func(c *call) (answer, error) {
		if u, ok := c.body["url"].(string); ok {
			c.s.hookURL = u
		}
		return ok(c.s.showHook())
	},
	"apps/list-webhook-deliveries": listDeliveries,
	"apps/get-webhook-delivery": func(c *call) (answer, error) {
		d := c.s.delivery(number(c.params["delivery_id"]))
		if d == nil {
			return answer{}, errNotFound
		}
		o := showDelivery(d)
		headers := object{}
		for k := range d.header {
			headers[k] = d.header.Get(k)
		}
		var payload any
		_ = json.Unmarshal(d.Payload, &payload) // a test may have sent what is not JSON
		o["url"], o["request"], o["response"] = d.url, object{"headers": headers, "payload": payload}, object{"headers": object{}, "payload": d.Response}
		return ok(o)
	},
	"apps/redeliver-webhook-delivery": func(c *call) (answer, error) {
		if !c.s.redeliver(number(c.params["delivery_id"])) {
			return answer{}, errNotFound
		}
		return answer{status: http.StatusAccepted, body: object{}}, nil
	},
}

func (s *Server) showHook() object {
	return object{"content_type": "json", "insecure_ssl": "0", "secret": "********", "url": s.hookURL}
}

// listDeliveries lists newest first and pages by cursor.
func listDeliveries(c *call) (answer, error) {
	per := 30
	if n := int(number(c.query.Get("per_page"))); n > 0 {
		per = min(100, n)
	}
	before := int64(-1)
	if cursor := c.query.Get("cursor"); cursor != "" {
		n, err := strconv.ParseInt(strings.TrimPrefix(cursor, "v1_"), 10, 64)
		if err != nil {
			return answer{}, refuse(http.StatusUnprocessableEntity, "Invalid cursor")
		}
		before = n
	}
	items := []any{}
	a := answer{status: http.StatusOK}
	last := int64(0)
	for i := len(c.s.hooks.sent) - 1; i >= 0; i-- {
		d := c.s.hooks.sent[i]
		if d.Status == "pending" || c.s.clock.Now().Sub(d.DeliveredAt) >= deliveriesKept || (before >= 0 && d.ID >= before) {
			continue
		}
		if status := c.query.Get("status"); status != "" && (status == "success") != (d.Status == "OK") {
			continue
		}
		if len(items) == per {
			q := c.r.URL.Query()
			q.Set("cursor", fmt.Sprintf("v1_%d", last))
			u := url.URL{Path: c.r.URL.Path, RawQuery: q.Encode()}
			a.header = map[string]string{"Link": fmt.Sprintf(`<%s%s>; rel="next"`, c.s.base, u.String())}
			break
		}
		items = append(items, showDelivery(d))
		last = d.ID
	}
	a.body = any(items)
	return a, nil
}

func showDelivery(d *Delivery) object {
	o := object{"id": d.ID, "guid": d.GUID, "delivered_at": d.DeliveredAt.UTC().Format("2006-01-02T15:04:05.000Z"), "redelivery": d.Redelivery, "duration": d.Duration.Seconds(),
		"status": d.Status, "status_code": d.StatusCode, "event": d.Event, "action": nil, "installation_id": nil, "repository_id": nil, "throttled_at": nil}
	if d.Action != "" {
		o["action"] = d.Action
	}
	if d.InstallationID != 0 {
		o["installation_id"] = d.InstallationID
	}
	if d.RepositoryID != 0 {
		o["repository_id"] = d.RepositoryID
	}
	return o
}
