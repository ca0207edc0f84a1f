package githubapi

import (
	"math"
	"sync"

	"github.com/gregjones/httpcache"
	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// maxCachedAnswer is the largest answer that is kept, in bytes. A page of 100
// workflow runs is about 600 KiB.
const maxCachedAnswer = 1 << 20

// cachePool bounds the memory of all caches together. When it runs over, the
// largest cache gives way, so a busy installation does not starve the others.
type cachePool struct {
	mu      sync.Mutex // of the pool and of all its members
	budget  int
	total   int
	members map[*memoryCache]struct{}
}

// memoryCache is one client's answers, least recently used out first. It lies
// above the signing of requests, so no token is ever in it. Never on disk.
type memoryCache struct {
	pool   *cachePool
	budget int
	size   int
	lru    *simplelru.LRU[string, []byte]
}

var _ httpcache.Cache = (*memoryCache)(nil)

func (p *cachePool) newMember(budget int) *memoryCache {
	m := &memoryCache{pool: p, budget: budget}
	m.lru, _ = simplelru.NewLRU(math.MaxInt, func(key string, v []byte) { // errs on a size below 1 only
		m.size -= len(key) + len(v)
		p.total -= len(key) + len(v)
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.members[m] = struct{}{}
	return m
}

// Get implements httpcache.Cache.
func (m *memoryCache) Get(key string) ([]byte, bool) {
	m.pool.mu.Lock()
	defer m.pool.mu.Unlock()
	return m.lru.Get(key)
}

// Set implements httpcache.Cache. An answer that is too large for a place
// frees the place of its predecessor.
func (m *memoryCache) Set(key string, v []byte) {
	m.pool.mu.Lock()
	defer m.pool.mu.Unlock()
	m.lru.Remove(key)
	if _, member := m.pool.members[m]; !member || len(v) > maxCachedAnswer || len(key)+len(v) > min(m.budget, m.pool.budget) {
		return
	}
	m.lru.Add(key, v)
	m.size += len(key) + len(v)
	m.pool.total += len(key) + len(v)
	for m.size > m.budget {
		m.lru.RemoveOldest()
	}
	for m.pool.total > m.pool.budget {
		m.pool.largest().lru.RemoveOldest()
	}
}

// Delete implements httpcache.Cache and keeps the entry: httpcache deletes
// after every failed request, and one 502 must not cost all validators. To
// keep it is never wrong, since an entry is only used after GitHub said 304.
func (m *memoryCache) Delete(string) {}

// release gives the memory back. A request that is still on its way stores
// nothing any more.
func (m *memoryCache) release() {
	m.pool.mu.Lock()
	defer m.pool.mu.Unlock()
	m.lru.Purge()
	delete(m.pool.members, m)
}

func (p *cachePool) largest() *memoryCache {
	var most *memoryCache
	for m := range p.members {
		if most == nil || m.size > most.size {
			most = m
		}
	}
	return most
}

func (p *cachePool) bytes() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.total
}
