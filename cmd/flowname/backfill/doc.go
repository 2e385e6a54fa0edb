// Package backfill gives enriched flows the names that became known after they were
// written: the command, which joins by itself or has the daemon join, and POST
// /api/v1/backfill.
//
// Lines keep their order, and all that is not about names its bytes.
package backfill
