package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

var (
	errTooLarge   = errors.New("body is above 25 MiB")
	errOverBudget = errors.New("too many bytes of bodies in memory")
	errTooSlow    = errors.New("body comes too slowly")
)

// The signature can only be checked after the body was read, so anybody can
// make us hold bodies. Each size has a budget of its own, so that large bodies
// never take the place of small ones, and a body moves up only by bytes that
// really arrived:
//
//	up to 64 KiB    2,048 bodies of 64 KiB               128 MiB
//	up to 1 MiB     buffers of 128 KiB to 1 MiB           96 MiB
//	up to 25 MiB    buffers of 2 to 25 MiB               160 MiB
//
// which is 384 MiB at the very most, whoever sends what. While a body grows,
// both its buffers count. A body of the largest size needs 16 + 25 MiB for that
// moment, so three of them can grow at once, and 50 to 100 of 1 MiB. What a
// request with the right signature takes beyond its body is bounded by the
// inbox.
const (
	smallBody    = 64 << 10 // nearly every webhook fits
	mediumBody   = 1 << 20
	smallBudget  = 2048 // in bodies
	mediumBudget = 96 << 20
	largeBudget  = 160 << 20
	// budgetWait is how long a body waits for room before it is answered 503.
	budgetWait = time.Second
)

// bodies reads request bodies.
type bodies struct {
	pool                 sync.Pool // of buffers of smallBody
	small, medium, large *semaphore.Weighted
	pace                 pace
	wait                 time.Duration
}

func newBodies() *bodies {
	return &bodies{
		small:  semaphore.NewWeighted(smallBudget),
		medium: semaphore.NewWeighted(mediumBudget),
		large:  semaphore.NewWeighted(largeBudget),
		pace:   pace{grace: BodyGrace, rate: MinBodyRate, total: ReadTimeout},
		wait:   budgetWait,
	}
}

// body is a request body in memory. release gives it back.
type body struct {
	bytes   []byte
	from    *bodies
	first   *[smallBody]byte
	charged *semaphore.Weighted // nil while bytes lie in first
	charge  int64
}

// read reads r to its end. It asks for one byte beyond [MaxBody] at most,
// which is the only way to learn that there is more, and grows with what
// really arrives, not with what a Content-Length promises. conn is r's
// connection.
func (b *bodies) read(ctx context.Context, r io.Reader, conn deadliner) (*body, error) {
	if err := b.take(ctx, b.small, 1); err != nil {
		return nil, err
	}
	first, _ := b.pool.Get().(*[smallBody]byte)
	if first == nil {
		first = new([smallBody]byte)
	}
	p := &body{bytes: first[:0], from: b, first: first}
	if err := p.fill(ctx, r, b.pace.begin(conn)); err != nil {
		p.release()
		return nil, err
	}
	return p, nil
}

func (p *body) fill(ctx context.Context, r io.Reader, pace *pacing) error {
	for {
		if len(p.bytes) == cap(p.bytes) {
			waiting := time.Now() //nolint:forbidigo // see pace
			if err := p.grow(ctx); err != nil {
				return err
			}
			pace.excuse(time.Since(waiting))
		}
		pace.expect(len(p.bytes))
		n, err := r.Read(p.bytes[len(p.bytes):min(cap(p.bytes), MaxBody+1)])
		p.bytes = p.bytes[:len(p.bytes)+n]
		switch {
		case len(p.bytes) > MaxBody:
			return errTooLarge
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return errTooSlow
		case err != nil:
			return fmt.Errorf("read body: %w", err)
		}
	}
}

func (p *body) grow(ctx context.Context) error {
	size := min(2*cap(p.bytes), MaxBody+1)
	budget := p.from.medium
	if size > mediumBody {
		budget = p.from.large
	}
	if err := p.from.take(ctx, budget, int64(size)); err != nil {
		return err
	}
	grown := append(make([]byte, 0, size), p.bytes...)
	p.discharge()
	p.bytes, p.charged, p.charge = grown, budget, int64(size)
	return nil
}

// take waits for room for as long as a sender can be expected to.
func (b *bodies) take(ctx context.Context, budget *semaphore.Weighted, n int64) error {
	if budget.TryAcquire(n) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, b.wait)
	defer cancel()
	if budget.Acquire(ctx, n) != nil {
		return errOverBudget
	}
	return nil
}

// discharge gives the present buffer back.
func (p *body) discharge() {
	if p.charged != nil {
		p.charged.Release(p.charge)
		p.charged = nil
	} else {
		p.from.pool.Put(p.first)
	}
	p.first = nil
}

// release gives the body back; p must not be used afterwards.
func (p *body) release() {
	p.bytes = nil
	p.discharge()
	p.from.small.Release(1)
}
