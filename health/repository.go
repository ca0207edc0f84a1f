package health

// Repository is how a repository does: half of its score is the mean of its
// workflows', half is the worst one, so that one broken workflow among forty
// shows.
type Repository struct {
	Repo         string   `json:"repo"` // owner/name
	Score        *float64 `json:"score"`
	WhyNoScore   string   `json:"why_no_score,omitempty"`
	Targets      int      `json:"targets"` // watched workflows
	Scored       int      `json:"scored"`  // of these, with a score
	Open         int      `json:"open"`    // confirmed incidents that are not over
	Worst        string   `json:"worst,omitempty"`
	Trend        *Trend   `json:"trend,omitempty"`
	Availability *float64 `json:"availability"` // mean of its workflows'
}

// Summarise computes a repository's figures from those of its workflows.
func Summarise(repo string, targets []Target) Repository {
	r := Repository{Repo: repo, Targets: len(targets)}
	var available average
	var scores, this, before half
	for _, t := range targets {
		r.Open += t.Open
		available.addOptional(t.Availability)
		if t.Trend != nil {
			this.add(t.Trend.ThisWeek)
			before.add(t.Trend.WeekBefore)
		}
		if t.Score == nil {
			continue
		}
		r.Scored++
		if scores.n == 0 || *t.Score < scores.lowest {
			r.Worst = t.Workflow
		}
		scores.add(*t.Score)
	}
	r.Availability = available.mean()
	if this.n > 0 {
		r.Trend = newTrend(this.mark(), before.mark())
	}
	switch {
	case r.Scored > 0:
		r.Score = tenth(scores.mark())
	case len(targets) == 0:
		r.WhyNoScore = "no workflow is watched"
	default:
		r.WhyNoScore = "none of its workflows has enough runs yet"
	}
	return r
}

// half is the mean and the lowest of scores, half of each.
type half struct {
	average
	lowest float64
}

func (h *half) add(v float64) {
	if h.n == 0 || v < h.lowest {
		h.lowest = v
	}
	h.average.add(v)
}

// mark is the score of all; there must be one.
func (h *half) mark() float64 { return (*h.mean() + h.lowest) / 2 }

// average is a mean in the making.
type average struct {
	sum float64
	n   int
}

func (a *average) add(v float64) { a.sum, a.n = a.sum+v, a.n+1 }

func (a *average) addOptional(v *float64) {
	if v != nil {
		a.add(*v)
	}
}

// mean is nil of nothing.
func (a *average) mean() *float64 {
	if a.n == 0 {
		return nil
	}
	m := a.sum / float64(a.n)
	return &m
}
