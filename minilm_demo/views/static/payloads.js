// What crosses from Python to the page: the payload of every component, key by key, as types for the checker. The other
// side of this table is minilm_demo/views/payloads.py, which says more; a test compares the two. A key in brackets may be
// missing.

/**
 * Instead of a picture: why there is none.
 *
 * @typedef {Object} Sentence
 * @property {"empty" | "error"} kind
 * @property {string} sentence
 */

/**
 * Instead of a first value: the address of the file that has it, below the page's own.
 *
 * @typedef {Object} Later
 * @property {"later"} kind
 * @property {string} address
 */

/**
 * @typedef {Object} Headline
 * @property {string} value
 * @property {string} label
 */

/**
 * @typedef {Object} Table
 * @property {string} title
 * @property {string[]} headings
 * @property {string[][]} rows
 */

/**
 * @typedef {Object} Trouble
 * @property {string} sentence
 * @property {string} advice
 */

/**
 * @typedef {Object} Progress
 * @property {number} done
 * @property {number} of
 */

/**
 * The probability of one label; `share` is 0 to 1.
 *
 * @typedef {Object} Bar
 * @property {string} label
 * @property {string} name
 * @property {number} share
 * @property {string} text
 * @property {boolean} best
 */

/**
 * @typedef {Object} Scale
 * @property {number} low
 * @property {number} high
 * @property {number} at
 * @property {number[]} ticks
 */

/**
 * @typedef {Object} Piece
 * @property {string} text
 * @property {boolean} mark
 */

/**
 * No answer is given where score > threshold; both are logits.
 *
 * @typedef {Object} Decision
 * @property {number} score
 * @property {number} threshold
 * @property {number} low
 * @property {number} high
 */

/**
 * The right answer of an example.
 *
 * @typedef {Object} Expected
 * @property {string} sentence
 * @property {boolean} right
 */

/**
 * A question as the page asks it. A key that is missing is not compared with the form.
 *
 * @typedef {Object} Asked
 * @property {string} [skill]
 * @property {string[]} [texts]
 * @property {string[]} [checkpoints]
 */

/**
 * @typedef {Object} MarkdownPart
 * @property {string} text
 * @property {boolean} code
 */

/**
 * A part of a text in Markdown; `level` is that of a heading, `cells` are rows of a table, its headings first.
 *
 * @typedef {Object} MarkdownBlock
 * @property {"heading" | "text" | "item" | "code" | "table"} kind
 * @property {number} level
 * @property {MarkdownPart[]} parts
 * @property {string[][]} cells
 */

/**
 * The answer of one checkpoint. What belongs to another kind of task is missing.
 *
 * @typedef {Object} PredictionPayload
 * @property {"classification" | "regression" | "span"} kind
 * @property {string} sentence
 * @property {string} unsure
 * @property {string[]} notes
 * @property {string[]} footer
 * @property {string} note
 * @property {Bar[]} [bars]
 * @property {Scale} [scale]
 * @property {string} [found]
 * @property {string} [none]
 * @property {Piece[]} [pieces]
 * @property {Decision | null} [decision]
 * @property {string[][]} [candidates]
 * @property {string} [title]
 * @property {string} [skill]
 * @property {Asked} [asked]
 * @property {Expected} [expected]
 * @property {MarkdownBlock[]} [card]
 * @property {string} [code]
 */

/**
 * @typedef {Object} Input
 * @property {string} name
 * @property {string} text
 */

/**
 * The answers of one or more checkpoints to one input; a lane may be a `Sentence` with a title.
 *
 * @typedef {Object} AnswersPayload
 * @property {"lanes"} kind
 * @property {string} skill
 * @property {string} task
 * @property {Input[]} input
 * @property {PredictionPayload[]} lanes
 * @property {Asked} asked
 */

/**
 * A question that the page asks at once.
 *
 * @typedef {Object} AskPayload
 * @property {"ask"} kind
 * @property {Asked} question
 * @property {string} note
 */

/**
 * A piece of a text; `word` is the index of the word it is, null between words.
 *
 * @typedef {Object} TextPiece
 * @property {string} text
 * @property {number | null} word
 */

/**
 * @typedef {Object} TextPieces
 * @property {string} name
 * @property {TextPiece[]} pieces
 */

/**
 * @typedef {Object} SpokenWord
 * @property {string} text
 * @property {string} says
 */

/**
 * How strongly a word is coloured: -1 to 1, null where it was not tried.
 *
 * @typedef {Object} Mark
 * @property {number | null} share
 * @property {string} label
 */

/**
 * One method; a mark for each word.
 *
 * @typedef {Object} Panel
 * @property {string} title
 * @property {string} about
 * @property {Mark[]} marks
 */

/**
 * @typedef {Object} LegendEntry
 * @property {"for" | "against"} kind
 * @property {string} text
 */

/**
 * @typedef {Object} SortHeading
 * @property {string} text
 * @property {boolean} descending
 */

/**
 * @typedef {Object} SortCell
 * @property {string} text
 * @property {number | string | null} sort
 */

/**
 * @typedef {Object} SortTable
 * @property {string} title
 * @property {string} caption
 * @property {SortHeading[]} headings
 * @property {SortCell[][]} rows
 */

/**
 * @typedef {Object} ImportancePayload
 * @property {"importance"} kind
 * @property {string} sentence
 * @property {string[]} findings
 * @property {TextPieces[]} texts
 * @property {SpokenWord[]} words
 * @property {Panel[]} panels
 * @property {LegendEntry[]} legend
 * @property {string} hint
 * @property {SortTable} table
 * @property {string[]} notes
 * @property {Asked} [asked]
 * @property {string} [code]
 */

/**
 * `share` is of the true class, 0 to 1; `list` is the place of the rows it counts, null without rows.
 *
 * @typedef {Object} Cell
 * @property {string} count
 * @property {number} share
 * @property {string} text
 * @property {number | null} [list]
 */

/**
 * Row: true class; column: predicted class.
 *
 * @typedef {Object} Matrix
 * @property {string} title
 * @property {string[]} labels
 * @property {Cell[][]} rows
 * @property {string[]} columns
 */

/**
 * @typedef {Object} ScoredRow
 * @property {string[][]} fields
 * @property {string[][]} said
 * @property {string[]} texts
 */

/**
 * @typedef {Object} RowList
 * @property {string} title
 * @property {string} note
 * @property {ScoredRow[]} rows
 */

/**
 * @typedef {Object} ScoredRowsPayload
 * @property {string} title
 * @property {Headline} headline
 * @property {string[]} verdicts
 * @property {string} source
 * @property {string[]} notes
 * @property {Table | null} scores
 * @property {Matrix | null} matrix
 * @property {RowList[]} lists
 * @property {string} [checkpoint]
 * @property {string} [code]
 */

/**
 * What `Plotly.react` takes.
 *
 * @typedef {Object} PlotlyFigure
 * @property {Object[]} data
 * @property {Object} layout
 */

/**
 * A finished statistic (figure/figure.js): `about` says what is seen, `name` is that of saved files.
 *
 * @typedef {Object} FigurePayload
 * @property {PlotlyFigure} figure
 * @property {string} title
 * @property {string} about
 * @property {string} name
 * @property {Table} table
 */

/**
 * Counts by true and predicted class, and a few rows of each cell.
 *
 * @typedef {Object} CellTable
 * @property {Matrix} matrix
 * @property {RowList[]} lists
 */

/**
 * A table of rows; `texts` are their whole texts, `column` is the first one with a text.
 *
 * @typedef {Object} Mistakes
 * @property {string} title
 * @property {string[]} headings
 * @property {string[][]} rows
 * @property {string[][]} texts
 * @property {number} column
 */

/**
 * What a run ends with. A student's card has tables instead of figures.
 *
 * @typedef {Object} ResultCard
 * @property {Headline} headline
 * @property {string[]} verdicts
 * @property {string} source
 * @property {string[][]} figures
 * @property {string[]} notes
 * @property {FigurePayload} [scores]
 * @property {FigurePayload | null} [classes]
 * @property {Table[]} [tables]
 * @property {Table | null} [extra]
 * @property {CellTable[]} [cells]
 * @property {Mistakes | null} [mistakes]
 */

/**
 * A line: `of` is the name of its points, `latest` whether its last point is named, `column` its heading in the
 * table, "" for none.
 *
 * @typedef {Object} Series
 * @property {string} of
 * @property {string} name
 * @property {string} style
 * @property {boolean} smooth
 * @property {boolean} dots
 * @property {boolean} latest
 * @property {string} column
 */

/**
 * `drawn` is False where only `empty` is said; `keys` are [style, text].
 *
 * @typedef {Object} Chart
 * @property {string} title
 * @property {string} y
 * @property {"loss" | "percent" | "number"} unit
 * @property {string} empty
 * @property {boolean} drawn
 * @property {string[][]} keys
 * @property {Series[]} series
 */

/**
 * @typedef {Object} Measured
 * @property {string} of
 * @property {string} words
 * @property {"loss" | "percent" | "number"} unit
 */

/**
 * @typedef {Object} Reading
 * @property {string} title
 * @property {string[]} lines
 */

/**
 * A run while it is under way and when it is over; see `run_payload`. `points` are [[step, value]], of the held-back
 * rows [step, value, best].
 *
 * @typedef {Object} RunPayload
 * @property {string} run
 * @property {string} job
 * @property {string} status
 * @property {boolean} final
 * @property {number} since
 * @property {number} next
 * @property {string} title
 * @property {string} sentence
 * @property {string[][]} facts
 * @property {Progress | null} progress
 * @property {string} stop
 * @property {Object<string, Chart>} charts
 * @property {Object<string, ((number | boolean)[])[]>} points
 * @property {Measured} measured
 * @property {number} pictures
 * @property {ResultCard | null} result
 * @property {Trouble | null} error
 * @property {Reading | null} reading
 * @property {string} [code]
 */

/**
 * [T] each; `words` are indices into the payload's words, null for a token of no word.
 *
 * @typedef {Object} Tokens
 * @property {string[]} texts
 * @property {number[]} segments
 * @property {boolean[]} special
 * @property {boolean[]} separator
 * @property {(number | null)[]} words
 */

/**
 * @typedef {Object} Word
 * @property {string} text
 * @property {number} segment
 */

/**
 * size x size cells, a few tokens each.
 *
 * @typedef {Object} Overview
 * @property {number} size
 * @property {string} weights
 */

/**
 * Base64 of bytes, weight = (byte / 255)²; one of the two is null.
 *
 * @typedef {Object} Weights
 * @property {string | null} weights
 * @property {Overview | null} overview
 */

/**
 * @typedef {Object} Kind
 * @property {string} name
 * @property {string} title
 * @property {number} threshold
 * @property {string} about
 */

/**
 * `labels` [L][H] and `scores` {name: [L][H]}: what each head does.
 *
 * @typedef {Object} Behaviours
 * @property {Kind[]} kinds
 * @property {string[][]} labels
 * @property {Object<string, ((number | null)[])[]>} scores
 */

/**
 * @typedef {Object} CrossingHead
 * @property {number} layer
 * @property {number} head
 * @property {number} mass
 */

/**
 * `mass` [L][H]: how much the question looks at the answer's tokens.
 *
 * @typedef {Object} AnswerMass
 * @property {number[]} tokens
 * @property {number[][]} mass
 * @property {string} text
 */

/**
 * @typedef {Object} ShareBar
 * @property {string} label
 * @property {number} share
 * @property {string} text
 */

/**
 * @typedef {Object} Said
 * @property {string} sentence
 * @property {ShareBar[]} bars
 * @property {string} unsure
 */

/**
 * @typedef {Object} SelectedToken
 * @property {number} layer
 * @property {number} head
 * @property {number} token
 */

/**
 * Raw scores of one head: base64 of float32 [T, T].
 *
 * @typedef {Object} HeadScores
 * @property {number} layer
 * @property {number} head
 * @property {string} scores
 */

/**
 * @typedef {Object} HeadPlace
 * @property {number} layer
 * @property {number} head
 */

/**
 * @typedef {Object} Changed
 * @property {number[]} masked
 * @property {HeadPlace[]} ablated
 */

/**
 * Another trace of the same tokens and heads.
 *
 * @typedef {Object} BeforeTrace
 * @property {string} title
 * @property {string | null} weights
 * @property {Overview | null} overview
 * @property {Said | null} prediction
 */

/**
 * The model learned the positions 0 to `learned` - 1; the input has more.
 *
 * @typedef {Object} Positions
 * @property {number} learned
 * @property {string} about
 */

/**
 * One head of a longer input, or a mean, in full; `before`: of the other trace.
 *
 * @typedef {Object} FullHead
 * @property {number | string} layer
 * @property {number | string} head
 * @property {boolean} rollout
 * @property {boolean} before
 * @property {string} weights
 */

/**
 * The trace while the model learned; `weights` as in the payload, one a step.
 *
 * @typedef {Object} AttentionFrames
 * @property {number[]} steps
 * @property {string[]} weights
 * @property {(Said | null)[]} predictions
 */

/**
 * `values`: one a method, null where it was not tried.
 *
 * @typedef {Object} ExplainedWord
 * @property {string} word
 * @property {number} segment
 * @property {number[]} tokens
 * @property {(number | null)[]} values
 */

/**
 * @typedef {Object} Correlation
 * @property {string} pair
 * @property {number | null} value
 */

/**
 * Three methods side by side; `top` are indices of words, one a method.
 *
 * @typedef {Object} Explanation
 * @property {string[]} names
 * @property {string[]} about
 * @property {ExplainedWord[]} words
 * @property {Correlation[]} correlations
 * @property {(number | null)[]} top
 * @property {string} note
 */

/**
 * All heads of one input; `pair` is [L][H][2][2].
 *
 * @typedef {Object} AttentionPayload
 * @property {"attention"} kind
 * @property {string} title
 * @property {string[]} texts
 * @property {Tokens} tokens
 * @property {Word[]} words
 * @property {number} size
 * @property {number} layers
 * @property {number} heads
 * @property {string | null} weights
 * @property {Overview | null} overview
 * @property {Behaviours} behaviours
 * @property {number[][][][] | null} pair
 * @property {CrossingHead[] | null} crossing
 * @property {AnswerMass | null} answer
 * @property {Said | null} prediction
 * @property {SelectedToken} selected
 * @property {HeadScores | null} rows
 * @property {Changed} changed
 * @property {Positions | null} positions
 * @property {BeforeTrace | null} before
 * @property {AttentionFrames | null} frames
 * @property {Explanation | null} explanation
 * @property {FullHead[]} full
 * @property {Object<string, unknown> | null} view
 * @property {string} code
 * @property {Object<string, unknown>} asked
 * @property {string[]} notes
 * @property {string[]} footer
 * @property {boolean} precomputed
 */

/**
 * @typedef {Object} Side
 * @property {string} title
 * @property {number} layer
 * @property {number} head_size
 */

/**
 * What the teacher is to the student.
 *
 * @typedef {Object} BadgePayload
 * @property {string} kind
 * @property {string} title
 * @property {string} about
 */

/**
 * `divergence`: base64 of float32 [H, T].
 *
 * @typedef {Object} Relation
 * @property {string} name
 * @property {string} title
 * @property {string} letters
 * @property {string} about
 * @property {string[]} equations
 * @property {number} loss
 * @property {Weights} teacher
 * @property {Weights} student
 * @property {string} divergence
 */

/**
 * @typedef {Object} SelectedCell
 * @property {string} relation
 * @property {number} head
 * @property {number} from
 * @property {number} to
 */

/**
 * Raw scores of one head on both sides: base64 of float32 [T, T].
 *
 * @typedef {Object} RelationScores
 * @property {string} relation
 * @property {number} head
 * @property {string} teacher
 * @property {string} student
 */

/**
 * The student while it learned: `student` {relation: [weights]}, `divergence` {relation: [[H]]}, one a step.
 *
 * @typedef {Object} MicroscopeFrames
 * @property {number[]} steps
 * @property {number} heads
 * @property {Object<string, string[]>} student
 * @property {Object<string, number[][]>} divergence
 */

/**
 * @typedef {Object} MicroscopePayload
 * @property {"microscope"} kind
 * @property {Side} teacher
 * @property {Side} student
 * @property {string} recipe
 * @property {BadgePayload} badge
 * @property {string[]} texts
 * @property {Tokens} tokens
 * @property {Word[]} words
 * @property {number} size
 * @property {number} heads
 * @property {Relation[]} relations
 * @property {SelectedCell} selected
 * @property {RelationScores | null} rows
 * @property {MicroscopeFrames | null} frames
 * @property {Object<string, unknown> | null} view
 * @property {string} code
 * @property {Object<string, unknown>} asked
 * @property {string[]} notes
 * @property {string[]} footer
 * @property {boolean} precomputed
 */

/**
 * Pictures of a run's watched text from number `since` on; `restart`: they begin anew.
 *
 * @typedef {Object} StudentMaps
 * @property {number} since
 * @property {number} next
 * @property {boolean} restart
 * @property {MicroscopePayload} value
 * @property {MicroscopeFrames} frames
 */

/**
 * @typedef {Object} ExperimentState
 * @property {string} run
 * @property {string} status
 * @property {boolean} final
 * @property {string} sentence
 * @property {Progress | null} progress
 * @property {string} stop
 * @property {Trouble | null} error
 */

/**
 * @typedef {Object} DrawnExperiment
 * @property {string[]} findings
 * @property {FigurePayload} figure
 * @property {string} about
 * @property {Table | null} gains
 * @property {string[][]} figures
 * @property {string[]} notes
 */

/**
 * @typedef {Object} PaperTable
 * @property {string} title
 * @property {string} about
 * @property {string[]} headings
 * @property {string[][]} rows
 */

/**
 * @typedef {Object} AblationPayload
 * @property {ExperimentState | null} run
 * @property {DrawnExperiment | null} drawn
 * @property {string} empty
 * @property {PaperTable | null} paper
 * @property {string} [code]
 */

export {};
