package githubapi

import (
	"bytes"
	"testing"
)

func TestCacheBudgets(t *testing.T) {
	p := &cachePool{budget: 100, members: map[*memoryCache]struct{}{}}
	a, b := p.newMember(60), p.newMember(60)
	has := func(m *memoryCache, key string) bool { _, ok := m.Get(key); return ok }
	a.Set("1", bytes.Repeat([]byte("x"), 19))
	a.Set("2", bytes.Repeat([]byte("x"), 19))
	a.Set("3", bytes.Repeat([]byte("x"), 19)) // 60: at its budget
	if !has(a, "1") || a.size != 60 {
		t.Errorf("at the budget: size %d", a.size)
	}
	a.Set("4", bytes.Repeat([]byte("x"), 18)) // 79: the least recently used goes, "2"
	if has(a, "2") || !has(a, "1") || !has(a, "3") || !has(a, "4") {
		t.Error("over the budget: the wrong one went")
	}
	b.Set("1", bytes.Repeat([]byte("x"), 49)) // 59+50: over the total, the larger one gives way
	if p.total > 100 || !has(b, "1") || a.lru.Len() != 2 {
		t.Errorf("over the total: %d, a has %d", p.total, a.lru.Len())
	}
	b.Set("1", bytes.Repeat([]byte("x"), 60)) // larger than a whole cache, its old version is void
	if has(b, "1") || b.size != 0 {
		t.Error("kept what does not fit")
	}
	b.Delete("x")
	a.release()
	if p.total != 0 || has(a, "3") {
		t.Errorf("%d after the release", p.total)
	}
	a.Set("5", nil)
	if has(a, "5") {
		t.Error("a released cache stores")
	}
}
