"""Everything over HTTP that is not GraphQL: EPCIS REST capture, probes, metrics, the IDE."""
