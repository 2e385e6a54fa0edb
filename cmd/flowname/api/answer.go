package api

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"flowname/cmd/flowname/table"
)

// patience is after how long the other side is left that does not move: neither
// takes of an answer nor gives of a request.
const patience = 30 * time.Second

// A Writer answers with rows, one JSON object a line.
type Writer struct {
	control *http.ResponseController
	buffer  *bufio.Writer
	encoder *json.Encoder
	n       int
}

// NewWriter begins an answer of rows.
func NewWriter(w http.ResponseWriter) *Writer {
	w.Header().Set("Content-Type", "application/x-ndjson")
	buffer := bufio.NewWriter(w)
	encoder := json.NewEncoder(buffer)
	encoder.SetEscapeHTML(false)
	return &Writer{control: http.NewResponseController(w), buffer: buffer, encoder: encoder}
}

// Write writes a row. An error is the reader's, who is gone or stands still.
func (w *Writer) Write(row any) error {
	if w.n%table.Block == 0 {
		w.control.SetWriteDeadline(time.Now().Add(patience))
	}
	w.n++
	return w.encoder.Encode(row)
}

// Rows is how many rows were written.
func (w *Writer) Rows() int { return w.n }

// Flush sends what is not sent yet.
func (w *Writer) Flush() error { return w.buffer.Flush() }

// A Patient reads a request's body and writes its answer as long as the other
// side moves at all.
type Patient struct {
	body    io.Reader
	w       http.ResponseWriter
	control *http.ResponseController
}

// NewPatient makes a patient of a request's body, which may be nil, and its answer.
func NewPatient(body io.Reader, w http.ResponseWriter) *Patient {
	return &Patient{body, w, http.NewResponseController(w)}
}

// Read reads of the request's body.
func (p *Patient) Read(b []byte) (int, error) {
	if err := p.control.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	return p.body.Read(b)
}

// Write writes a part of the answer.
func (p *Patient) Write(b []byte) (int, error) {
	if err := p.control.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	return p.w.Write(b)
}
