package intake

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/google/go-github/v62/github"
	"github.com/palantir/go-githubapp/githubapp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// Config is what the webhook handler needs.
type Config struct {
	// Secrets of the App's webhook. During a rotation there are several, and a
	// request signed with any of them is accepted.
	Secrets []string
	// Inbox stores deliveries; an [Inbox].
	Inbox      githubapp.Scheduler
	Log        zerolog.Logger
	Registerer prometheus.Registerer
}

type handler struct {
	gates    []*gate
	bodies   *bodies
	log      zerolog.Logger
	refusals zerolog.Logger // sampled: strangers decide how many there are
	quiet    zerolog.Logger // for the dispatcher, which writes a line per webhook
	outcomes *prometheus.CounterVec
}

// NewHandler makes the handler of POST /api/github/hook. It answers
//
//   - 202 once the delivery is on disk, 200 when it already was
//   - 401 without a matching X-Hub-Signature-256; what has none in the right
//     form is not read at all
//   - 400 without an event, with an unusable delivery id (1 to 100 printable
//     ASCII characters) or with a body that is no JSON object
//     or nested more than 10,000 levels deep
//   - 405 to other methods, 413 above [MaxBody], 408 to a body that comes
//     slower than [MinBodyRate]
//   - 503 with Retry-After when it cannot be stored now
//
// It is an error when there is no secret or an empty one. Set the timeouts of
// this package on the http.Server.
func NewHandler(cfg Config) (http.Handler, error) {
	if err := checkSecrets(cfg.Secrets); err != nil {
		return nil, fmt.Errorf("webhook handler: %w", err)
	}
	outcomes, err := newOutcomes(cfg.Registerer)
	if err != nil {
		return nil, fmt.Errorf("webhook handler: %w", err)
	}
	h := &handler{
		bodies:   newBodies(),
		log:      cfg.Log,
		refusals: cfg.Log.Sample(&zerolog.BurstSampler{Burst: 5, Period: time.Minute}),
		quiet:    cfg.Log.Level(zerolog.WarnLevel),
		outcomes: outcomes,
	}
	for _, secret := range cfg.Secrets {
		h.gates = append(h.gates, newGate(secret,
			githubapp.WithScheduler(cfg.Inbox),
			githubapp.WithResponseCallback(h.stored),
			githubapp.WithErrorCallback(h.notStored)))
	}
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		h.abandon(w, r, http.StatusMethodNotAllowed, outcomeMethod, "only POST is allowed")
		return
	}
	claimed, ok := claimedSignature(r.Header)
	if !ok {
		h.abandon(w, r, http.StatusUnauthorized, outcomeUnsigned, "X-Hub-Signature-256 is missing or malformed")
		return
	}
	if r.ContentLength > MaxBody {
		h.abandon(w, r, http.StatusRequestEntityTooLarge, outcomeTooLarge, errTooLarge.Error())
		return
	}
	body, err := h.bodies.read(r.Context(), r.Body, http.NewResponseController(w))
	if err != nil {
		h.unread(w, r, err)
		return
	}
	defer body.release()
	gate := h.gateOf(body.bytes, claimed)
	if gate == nil {
		h.refuse(w, r, http.StatusUnauthorized, outcomeUnsigned, "signature does not match")
		return
	}
	if !usableName(r.Header.Get(github.EventTypeHeader)) {
		h.refuse(w, r, http.StatusBadRequest, outcomeInvalid, "X-GitHub-Event is missing or unusable")
		return
	}
	if !usableName(r.Header.Get(github.DeliveryIDHeader)) {
		h.refuse(w, r, http.StatusBadRequest, outcomeInvalid, "X-GitHub-Delivery is missing or unusable")
		return
	}
	payload, err := jsonOf(r.Header.Get("Content-Type"), body.bytes)
	if err != nil {
		h.refuse(w, r, http.StatusBadRequest, outcomeInvalid, err.Error())
		return
	}
	gate.pass(w, r, h.quiet, payload)
}

func (h *handler) gateOf(body []byte, claimed signature) *gate {
	for _, g := range h.gates {
		if g.matches(body, claimed) {
			return g
		}
	}
	return nil
}

// stored is the dispatcher's response callback.
func (h *handler) stored(w http.ResponseWriter, r *http.Request, _ string, _ bool) {
	h.answer(w, r, h.log.Debug(), http.StatusAccepted, outcomeStored, "stored")
}

// notStored is the dispatcher's error callback.
func (h *handler) notStored(w http.ResponseWriter, r *http.Request, err error) {
	var invalid githubapp.ValidationError
	switch {
	case errors.Is(err, ErrDuplicate):
		h.answer(w, r, h.log.Debug(), http.StatusOK, outcomeDuplicate, "already stored")
	case errors.As(err, &invalid):
		h.refuse(w, r, http.StatusBadRequest, outcomeInvalid, "not a webhook")
	default:
		setRetryAfter(w)
		h.answer(w, r, h.log.Error().Err(err), http.StatusServiceUnavailable, outcomeUnavailable, "cannot be stored now")
	}
}

// unread answers a request whose body could not be read to its end.
func (h *handler) unread(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, errTooLarge):
		h.abandon(w, r, http.StatusRequestEntityTooLarge, outcomeTooLarge, errTooLarge.Error())
	case errors.Is(err, errOverBudget):
		setRetryAfter(w)
		h.abandon(w, r, http.StatusServiceUnavailable, outcomeUnavailable, "too many webhooks of this size at once")
	case errors.Is(err, errTooSlow):
		h.abandon(w, r, http.StatusRequestTimeout, outcomeSlow, errTooSlow.Error())
	default:
		h.abandon(w, r, http.StatusBadRequest, outcomeInvalid, "body could not be read")
	}
}

// abandon refuses a request without reading what is left of its body. The
// server would read up to 256 KiB more to keep the connection usable, or to
// find a trailer, unless the connection is to be closed and reading fails.
func (h *handler) abandon(w http.ResponseWriter, r *http.Request, code int, outcome, text string) {
	w.Header().Set("Connection", "close")
	// Not every ResponseWriter can; the limit on reading is then the server's.
	_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0))
	h.refuse(w, r, code, outcome, text)
}

func (h *handler) refuse(w http.ResponseWriter, r *http.Request, code int, outcome, text string) {
	h.answer(w, r, h.refusals.Warn(), code, outcome, text)
}

func (h *handler) answer(w http.ResponseWriter, r *http.Request, line *zerolog.Event, code int, outcome, text string) {
	h.outcomes.WithLabelValues(outcome).Inc()
	if line.Enabled() {
		line.Str("delivery_id", clean(r.Header.Get(github.DeliveryIDHeader), maxName)).
			Str("event", clean(r.Header.Get(github.EventTypeHeader), maxName)).
			Str("remote", r.RemoteAddr).Int("status", code).Msg("webhook: " + text)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text+"\n") // a sender that has gone away is no news
}

func setRetryAfter(w http.ResponseWriter) {
	w.Header().Set("Retry-After", strconv.Itoa(int(RetryAfter/time.Second)))
}
