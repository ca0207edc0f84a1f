package githubapi

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/google/go-github/v62/github"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/jonboulle/clockwork"
	"github.com/palantir/go-githubapp/githubapp"
	"github.com/prometheus/client_golang/prometheus"
)

// Defaults of [Config].
const (
	DefaultCapacity        = 1000             // installations
	DefaultTimeout         = 30 * time.Second // one request with its token and its body
	DefaultCachePerClient  = 4 << 20          // bytes
	DefaultCacheTotal      = 64 << 20         // bytes
	DefaultBreakerFailures = 10
	DefaultBreakerOpen     = 30 * time.Second
)

// Config says where GitHub is and who the App is.
type Config struct {
	// BaseURL of the REST API: "https://api.github.com" (the default) or
	// "https://HOST/api/v3" of GitHub Enterprise Server. Plain http only on
	// loopback, since every request carries a token.
	BaseURL string
	// AppID and PrivateKey (PEM, PKCS1 or PKCS8) of the GitHub App.
	AppID      int64
	PrivateKey []byte
	// Version goes into the User-Agent, "redundancy/<version>".
	Version string
	Clock   clockwork.Clock // nil: the real one
	// Registerer takes the metrics; nil: none are kept.
	Registerer prometheus.Registerer
	// Capacity bounds the clients that are kept. One that falls out costs a
	// new token and an empty cache when it is wanted again.
	Capacity int
	Timeout  time.Duration
	// CachePerClient and CacheTotal bound the memory of conditional requests,
	// in bytes. Negative switches the cache off.
	CachePerClient, CacheTotal int
	// BreakerFailures in a row (5xx, no connection, timeouts) stop all
	// requests for BreakerOpen.
	BreakerFailures int
	BreakerOpen     time.Duration
	// OnDormant hears of an installation to which GitHub gives no token: it is
	// suspended or gone. Called by the requesting goroutine, outside of any
	// transaction; it must not call back into the same client.
	OnDormant func(installationID int64)
	// OnAnswer hears how each request went that was sent: whether GitHub
	// answered it with less than a 500. Called like OnDormant.
	OnAnswer func(ok bool)
	// Transport sends the requests; nil: an http.Transport with time limits.
	// It must report connections to net/http/httptrace, as http.Transport does.
	Transport http.RoundTripper
}

// Clients hands out one client per installation and one for the App itself.
// It is safe for concurrent use.
type Clients struct {
	cfg    Config
	origin *url.URL
	base   http.RoundTripper
	limits *limits
	cache  *cachePool
	meter  *meter
	reach  reach
	app    *github.Client
	plain  *http.Client // without credentials, for links to logs
	mu     sync.Mutex   // so that two jobs of one installation do not make two clients
	byID   *lru.Cache[int64, *github.Client]
	caches map[int64]*memoryCache
}

// New checks the settings and the key and makes the App's client. It sends
// nothing. Errors name the setting.
func New(cfg Config) (*Clients, error) {
	if err := cfg.complete(); err != nil {
		return nil, fmt.Errorf("set up GitHub client: %w", err)
	}
	origin, _ := url.Parse(cfg.BaseURL) // complete has parsed it
	if cfg.Transport == nil {
		cfg.Transport = newTransport(cfg.Timeout)
	}
	c := &Clients{cfg: cfg, origin: origin, meter: newMeter(cfg.Registerer), caches: map[int64]*memoryCache{}}
	c.limits = newLimits(cfg.Clock, c.meter)
	c.cache = &cachePool{budget: cfg.CacheTotal, members: map[*memoryCache]struct{}{}}
	c.meter.register(cfg.Registerer, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "redundancy_github_cache_bytes",
		Help: "Memory that answers kept for conditional requests take."}, func() float64 { return float64(c.cache.bytes()) }))
	c.plain = &http.Client{Transport: cfg.Transport, Timeout: cfg.Timeout, CheckRedirect: checkLogRedirect(origin)}
	// From the outside in. Minting a token begins here too, below ghinstallation,
	// which is why limits, breaker and guard are not client middleware.
	c.base = &guard{origin: origin, userAgent: cfg.userAgent(), meter: c.meter, next: &tokenWatch{
		dormant: cfg.OnDormant, spent: c.Forget, next: &limiter{
			limits: c.limits, meter: c.meter, prefix: origin.Path, next: newBreaker(cfg, c.meter, &c.reach, &sender{
				meter: c.meter, prefix: origin.Path, clock: cfg.Clock, next: cfg.Transport,
			}),
		},
	}}
	var err error
	if c.byID, err = lru.NewWithEvict(cfg.Capacity, c.dropped); err != nil {
		return nil, fmt.Errorf("set up GitHub client: %w", err)
	}
	if c.app, err = c.creator(0).NewAppClient(); err != nil {
		return nil, fmt.Errorf("set up GitHub client: private key: %w", err)
	}
	return c, nil
}

func (cfg *Config) complete() error {
	if cfg.BaseURL == "" {
		cfg.BaseURL = "https://api.github.com"
	}
	u, err := url.Parse(cfg.BaseURL)
	switch {
	case err != nil:
		return errors.New("API URL: cannot be parsed")
	case u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("API URL %q: want https://HOST[/PATH]", u.Redacted())
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return fmt.Errorf("API URL %q: must be https, since requests carry tokens; http is for loopback only", cfg.BaseURL)
	case cfg.AppID <= 0:
		return fmt.Errorf("app id %d: must be positive", cfg.AppID)
	}
	if cfg.Clock == nil {
		cfg.Clock = clockwork.NewRealClock()
	}
	if cfg.Version == "" {
		cfg.Version = "devel"
	}
	cfg.Capacity = orDefault(cfg.Capacity, DefaultCapacity)
	cfg.Timeout = orDefault(cfg.Timeout, DefaultTimeout)
	cfg.CachePerClient = orDefault(cfg.CachePerClient, DefaultCachePerClient)
	cfg.CacheTotal = orDefault(cfg.CacheTotal, DefaultCacheTotal)
	cfg.BreakerFailures = orDefault(cfg.BreakerFailures, DefaultBreakerFailures)
	cfg.BreakerOpen = orDefault(cfg.BreakerOpen, DefaultBreakerOpen)
	return nil
}

func (cfg *Config) userAgent() string { return "redundancy/" + cfg.Version }

func orDefault[T int | time.Duration](v, or T) T {
	if v == 0 {
		return or
	}
	return v
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// App is the client that speaks as the App itself (JWT): installations,
// deliveries of webhooks, the App's own description.
func (c *Clients) App() *github.Client { return c.app }

// Installation is the client of one installation. It sends nothing; a token is
// minted with the first request. Clients that were handed out share their rate
// limits with all later ones of the same installation.
func (c *Clients) Installation(id int64) (*github.Client, error) {
	if id <= 0 {
		return nil, fmt.Errorf("make client: installation id %d: must be positive", id)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if client, ok := c.byID.Get(id); ok {
		return client, nil
	}
	client, err := c.creator(id).NewInstallationClient(id)
	if err != nil {
		return nil, fmt.Errorf("make client of installation %d: %w", id, err)
	}
	c.byID.Add(id, client)
	return client, nil
}

// Forget drops an installation's client with its token and its cache: after a
// suspension, a removal, or new permissions (a token keeps the old ones for
// its hour). It happens by itself after a 401. Rate limits are not forgotten.
func (c *Clients) Forget(id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID.Remove(id)
}

// Close closes idle connections. Clients stay usable.
func (c *Clients) Close() {
	if t, ok := c.cfg.Transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

// dropped runs when a client leaves the LRU, with c.mu held.
func (c *Clients) dropped(id int64, _ *github.Client) {
	if m := c.caches[id]; m != nil {
		m.release()
		delete(c.caches, id)
	}
	c.meter.forget(id)
}

// creator makes a ClientCreator for one identity. go-githubapp's middleware is
// the same for all clients of a creator and cannot tell them apart, so each
// gets a creator of its own; its caching creator has no way to drop one client
// and makes two when two ask at once, so the LRU is ours.
func (c *Clients) creator(id int64) githubapp.ClientCreator {
	middleware := []githubapp.ClientMiddleware{
		func(next http.RoundTripper) http.RoundTripper {
			return &identity{installation: id, limits: c.limits, meter: c.meter, prefix: c.origin.Path, timeout: c.cfg.Timeout, next: next}
		},
	}
	if c.cfg.CachePerClient > 0 && c.cfg.CacheTotal > 0 {
		m := c.cache.newMember(c.cfg.CachePerClient)
		c.caches[id] = m
		middleware = append(middleware, func(next http.RoundTripper) http.RoundTripper {
			return newConditional(m, c.meter, next)
		})
	}
	return githubapp.NewClientCreator(c.cfg.BaseURL, graphURL(c.cfg.BaseURL), c.cfg.AppID, c.cfg.PrivateKey,
		githubapp.WithClientUserAgent(c.cfg.userAgent()),
		githubapp.WithTransport(c.base),
		githubapp.WithClientMiddleware(middleware...),
	)
}

// graphURL is not used by this App; the creator wants one.
func graphURL(base string) string { return base + "/graphql" }

// newTransport bounds what the call's own timeout does not: the dial of one
// address among several, and requests that go-github sends past http.Client
// (links to logs).
func newTransport(timeout time.Duration) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: timeout,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConns:          64,
		MaxIdleConnsPerHost:   16,
	}
}
