-- Who rides with a train is found by its proposal's number, and not by reading every promotion.
CREATE INDEX promotions_by_proposal
    ON promotions (environment, json_extract(details, '$.proposal.number'));
