// Package ledger is the account of all that exporters sent: GET /api/v1/exporters,
// as the daemon writes it and as a command reads it.
//
// A Ledger is made of the reports of all receivers at one moment. Every byte that came
// is in it once: as part of a flow, of what describes flows, as waiting, or as
// refused, by reason; README has the fields.
package ledger
