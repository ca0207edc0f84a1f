package storm

// Mass tells a storm from a coincidence.
type Mass struct {
	Targets int     // in trouble, at least
	Share   float64 // of the active ones, at least, 0..1
}

// Storm says whether so many targets in trouble, of those that were active in
// the same time, have one cause.
func (m Mass) Storm(troubled, active int) bool {
	return troubled >= m.Targets && float64(troubled) >= m.Share*float64(active)
}
