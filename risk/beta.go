package risk

import "math"

// Beta is a distribution over the probability that a run fails.
type Beta struct{ A, B float64 } // both above 0: failures and successes, plus the prior

// Mean of the distribution.
func (b Beta) Mean() float64 { return b.A / (b.A + b.B) }

// Interval holds the probability with the given confidence, from 0 to 1, with
// equal tails.
func (b Beta) Interval(confidence float64) (low, high float64) {
	tail := (1 - confidence) / 2
	return b.Quantile(tail), b.Quantile(1 - tail)
}

// Quantile is the x with CDF(x) = p, by bisection: the function is monotone,
// and 60 halvings reach the precision of a float64.
func (b Beta) Quantile(p float64) float64 {
	low, high := 0.0, 1.0
	for range 60 {
		if mid := (low + high) / 2; b.CDF(mid) < p {
			low = mid
		} else {
			high = mid
		}
	}
	return (low + high) / 2
}

// CDF is the regularised incomplete beta function I_x(A, B), by its continued
// fraction: NIST's Digital Library of Mathematical Functions, 8.17.22, which
// converges quickly for x < (A+1)/(A+B+2); elsewhere I_x(A, B) = 1 - I_1-x(B, A),
// 8.17.4.
func (b Beta) CDF(x float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (b.A+1)/(b.A+b.B+2):
		return 1 - Beta{b.B, b.A}.CDF(1-x)
	}
	la, _ := math.Lgamma(b.A)
	lb, _ := math.Lgamma(b.B)
	lab, _ := math.Lgamma(b.A + b.B)
	front := math.Exp(b.A*math.Log(x) + b.B*math.Log1p(-x) + lab - la - lb)
	return front / b.A * b.fraction(x)
}

// fraction evaluates the continued fraction by Lentz's algorithm as modified by
// Thompson and Barnett (J. Comput. Phys. 64, 1986), which never divides by zero.
func (b Beta) fraction(x float64) float64 {
	const tiny, precision, terms = 1e-300, 1e-15, 500
	c, d := 1.0, 1/guarded(1-(b.A+b.B)*x/(b.A+1), tiny)
	f := d
	for m := 1.0; m <= terms; m++ {
		even := m * (b.B - m) * x / ((b.A + 2*m - 1) * (b.A + 2*m))
		d, c = 1/guarded(1+even*d, tiny), guarded(1+even/c, tiny)
		f *= c * d
		odd := -(b.A + m) * (b.A + b.B + m) * x / ((b.A + 2*m) * (b.A + 2*m + 1))
		d, c = 1/guarded(1+odd*d, tiny), guarded(1+odd/c, tiny)
		f *= c * d
		if math.Abs(c*d-1) < precision {
			break
		}
	}
	return f
}

func guarded(v, tiny float64) float64 {
	if math.Abs(v) < tiny {
		return tiny
	}
	return v
}
