-- What an interval was said to hold: 80 %, or more where no order at all is likelier than that.
alter table forecast.predictions add column interval_holds real;
comment on column forecast.predictions.interval_holds is
    'Probability that the models give to an amount from predicted_value_low to predicted_value_high.';

alter table forecast.grades add column interval_promised double precision;
comment on column forecast.grades.interval_promised is
    'Mean probability that the intervals were said to hold: interval_coverage is right when it is near this.';
