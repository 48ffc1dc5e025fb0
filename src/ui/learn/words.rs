//! The words of the steps.
//!
//! Counts in them are those of the preset `paper` and hold for it alone; a test counts them again.

use super::step::{Step, Words};

/// What a step says.
pub fn of(step: Step) -> Words {
    match step {
        Step::Numbers => NUMBERS,
        Step::Modes => MODES,
        Step::Core => CORE,
        Step::Weight => WEIGHT,
        Step::Rank => RANK,
        Step::Order => ORDER,
        Step::Prior => PRIOR,
        Step::Grid => GRID,
        Step::Shift => SHIFT,
        Step::Rounding => ROUNDING,
        Step::Gradient => GRADIENT,
        Step::PingPong => PING_PONG,
        Step::Energy => ENERGY,
        Step::Board => BOARD,
    }
}

const NUMBERS: Words = Words {
    title: "A weight matrix has too many numbers",
    text: [
        "A layer multiplies its inputs by a matrix W with one number for every pair of an input and an output.",
        "Pictures of 28 × 28 pixels, padded to 896 values, and 512 outputs make 458,752 numbers: 1.84 MB in 32-bit floating point.",
        "Training holds several such matrices at once (weights, gradients, two moments of the optimiser), more than the memory on a small FPGA.",
    ],
    formula: Some((
        "<math display=\"block\"><mi>y</mi><mo>=</mo><mi>W</mi><mi>x</mi><mo>+</mo><mi>b</mi><mo>,</mo><mspace width=\"1em\"></mspace><mi>W</mi><mo>∈</mo><msup><mi>ℝ</mi><mrow><mi>M</mi><mo>×</mo><mi>N</mi></mrow></msup></math>",
        "y equals W x plus b, with W of M rows and N columns",
    )),
    action: "Move the outputs until the weights alone no longer fit the board.",
    question: "Why does a layer with twice the inputs and twice the outputs need four times the memory?",
    answer: "There is a number for every pair, so the count is the product of both: 2 × 2 = 4.",
};

const MODES: Words = Words {
    title: "Rows and columns become several small indices",
    text: [
        "A row number i is written with digits i₁, i₂, …, as a time is written in hours and minutes; each digit is a mode.",
        "The column number j gets as many modes, and the first mode of both belongs together, then the second, and so on.",
        "Nothing is lost: every pair of digits still names exactly one weight.",
    ],
    formula: Some((
        "<math display=\"block\"><mi>i</mi><mo>=</mo><mo stretchy=\"false\">(</mo><msub><mi>i</mi><mn>1</mn></msub><mo>,</mo><mo>…</mo><mo>,</mo><msub><mi>i</mi><mi>d</mi></msub><mo stretchy=\"false\">)</mo></math><math display=\"block\"><mi>M</mi><mo>=</mo><msub><mi>m</mi><mn>1</mn></msub><mo>⋯</mo><msub><mi>m</mi><mi>d</mi></msub><mo>,</mo><mspace width=\"1em\"></mspace><mi>N</mi><mo>=</mo><msub><mi>n</mi><mn>1</mn></msub><mo>⋯</mo><msub><mi>n</mi><mi>d</mi></msub></math>",
        "the row i is the digits i 1 to i d; M is the product of m 1 to m d, N of n 1 to n d",
    )),
    action: "Walk over the matrix and watch which block the first digits choose.",
    question: "A row has the modes 4 4 2 16. How many rows are there?",
    answer: "4 × 4 × 2 × 16 = 512: as many as there are outputs.",
};

const CORE: Words = Words {
    title: "A core is a stack of small matrices",
    text: [
        "For each mode there is one core G, and for each pair of digits (iₖ, jₖ) the core holds one small matrix.",
        "Its height is the rank of the bond to the left, its width the rank of the bond to the right; the first and the last bond have rank 1.",
        "So the first core holds rows, the last one columns, and those between hold matrices.",
    ],
    formula: Some((
        "<math display=\"block\"><msub><mi>G</mi><mi>k</mi></msub><mo>∈</mo><msup><mi>ℝ</mi><mrow><msub><mi>r</mi><mrow><mi>k</mi><mo>−</mo><mn>1</mn></mrow></msub><mo>×</mo><msub><mi>m</mi><mi>k</mi></msub><mo>×</mo><msub><mi>n</mi><mi>k</mi></msub><mo>×</mo><msub><mi>r</mi><mi>k</mi></msub></mrow></msup></math>",
        "core G k has the shape r k minus 1, by m k, by n k, by r k",
    )),
    action: "Choose another pair of digits and see another matrix of the same core.",
    question: "A core has shape (16, 4, 4, 16). How many small matrices does it hold, and how large are they?",
    answer: "4 × 4 = 16 matrices of 16 × 16: 4,096 numbers.",
};

const WEIGHT: Words = Words {
    title: "A weight is a product along the train",
    text: [
        "To read one weight, take from every core the matrix that its digits choose, and multiply them from left to right.",
        "A row times a matrix is a row, and a row times the last column is one number: the weight.",
        "That is why the cores are drawn as cars and the bonds as couplings: values pass from car to car.",
    ],
    formula: Some((
        "<math display=\"block\"><mi>W</mi><mo stretchy=\"false\">[</mo><mi>i</mi><mo>,</mo><mi>j</mi><mo stretchy=\"false\">]</mo><mo>=</mo><msub><mi>G</mi><mn>1</mn></msub><mo stretchy=\"false\">[</mo><msub><mi>i</mi><mn>1</mn></msub><mo>,</mo><msub><mi>j</mi><mn>1</mn></msub><mo stretchy=\"false\">]</mo><mo>⋯</mo><msub><mi>G</mi><mi>d</mi></msub><mo stretchy=\"false\">[</mo><msub><mi>i</mi><mi>d</mi></msub><mo>,</mo><msub><mi>j</mi><mi>d</mi></msub><mo stretchy=\"false\">]</mo></math>",
        "W at i, j is the product of the matrices of all cores at their digits",
    )),
    action: "Read another weight, and compare the product with the dense matrix.",
    question: "How many multiplications does one weight of three cores with ranks 3 and 3 take?",
    answer: "A row of 3 times a 3 × 3 matrix takes 9, times a column of 3 takes 3: 12 in all.",
};

const RANK: Words = Words {
    title: "Rank is the width of the coupling",
    text: [
        "A bond of rank r passes r numbers from one core to the next, so it says how much the two sides may have to do with each other.",
        "With full ranks every matrix can be written exactly; with small ones only an approximation, but with far fewer numbers.",
        "The figure cuts one matrix by singular values (TT-SVD), which keeps the most for the rank given.",
    ],
    formula: Some((
        "<math display=\"block\"><mtext>numbers</mtext><mo>=</mo><munderover><mo>∑</mo><mrow><mi>k</mi><mo>=</mo><mn>1</mn></mrow><mi>d</mi></munderover><msub><mi>r</mi><mrow><mi>k</mi><mo>−</mo><mn>1</mn></mrow></msub><msub><mi>m</mi><mi>k</mi></msub><msub><mi>n</mi><mi>k</mi></msub><msub><mi>r</mi><mi>k</mi></msub></math>",
        "the count is the sum over cores of r k minus 1, times m k, times n k, times r k",
    )),
    action: "Lower the rank until you can see the difference.",
    question: "All inner ranks are halved. What becomes of the numbers in a core between two of them?",
    answer: "Both of its bonds are half as wide, so it keeps a quarter.",
};

const ORDER: Words = Words {
    title: "The order of contractions decides the arithmetic",
    text: [
        "Input and cores can be multiplied in any order with the same result, but not with the same number of multiply-accumulates (MACs).",
        "The published order goes through the cores from the right; a search over all orders finds one with less than half of its MACs.",
        "Cores that are merged first are merged once for the whole batch, so a larger batch makes merging cheap.",
    ],
    formula: None,
    action: "Change the batch and watch which order the planner chooses.",
    question: "Why may the planner choose another order for one sample than for 64?",
    answer: "Merging cores costs the same for any batch: for one sample it is rarely worth it, shared by 64 it is.",
};

const PRIOR: Words = Words {
    title: "A prior lets ranks die",
    text: [
        "Each index of a bond has a variance λ that follows the size of its slice of the core.",
        "The loss gets a penalty |slice|² / λ: small slices are pressed harder, become smaller still, and their variance falls.",
        "Below a threshold the index is removed for good from both cores, from the optimiser and from every buffer.",
    ],
    formula: Some((
        "<math display=\"block\"><mi>λ</mi><mo>←</mo><mo stretchy=\"false\">(</mo><mn>1</mn><mo>−</mo><mi>s</mi><mo stretchy=\"false\">)</mo><mi>λ</mi><mo>+</mo><mi>s</mi><mfrac><msup><mrow><mo stretchy=\"false\">|</mo><mtext>slice</mtext><mo stretchy=\"false\">|</mo></mrow><mn>2</mn></msup><mrow><mi>D</mi><mo>+</mo><mn>1</mn></mrow></mfrac></math>",
        "lambda becomes 1 minus s times lambda plus s times the squared norm of the slice over D plus 1",
    )),
    action: "Train the small network and watch indices die; then try a stronger prior.",
    question: "Why does a dead index never come back?",
    answer: "Its slices were removed from both cores, and a slice of nothing has no gradient.",
};

const GRID: Words = Words {
    title: "Four bits: a grid of sixteen points",
    text: [
        "A core's value is kept as an integer from −8 to 7 that stands for eighths: from −1 to 0.875 in steps of 0.125.",
        "A value between two points goes to one of them, and one beyond the ends saturates: it stays at the end and never wraps around.",
        "The optimiser changes a wider copy, since its steps are smaller than an eighth; the four-bit core is a view of it.",
    ],
    formula: Some((
        "<math display=\"block\"><mi>v</mi><mo>=</mo><mi>q</mi><mo>·</mo><msup><mn>2</mn><mrow><mo>−</mo><mn>3</mn></mrow></msup><mo>,</mo><mspace width=\"1em\"></mspace><mo>−</mo><mn>8</mn><mo>≤</mo><mi>q</mi><mo>≤</mo><mn>7</mn></math>",
        "the value v is q times 2 to the minus 3, with q from minus 8 to 7",
    )),
    action: "Drag the value across the grid and past its end.",
    question: "Why is the largest value 0.875 and not 1?",
    answer: "Sixteen points with zero among them leave eight below and seven above it.",
};

const SHIFT: Words = Words {
    title: "A shift brings a sum back onto the grid",
    text: [
        "Products of small integers are added exactly in a wide accumulator, which no stored format could hold.",
        "Before the sum is stored it is divided by a power of two: a shift, which costs no multiplier.",
        "Too small a shift saturates, too large a shift leaves only a few points of the grid; so each contraction's shift follows the largest sum of the batch.",
    ],
    formula: Some((
        "<math display=\"block\"><mi>q</mi><mo>=</mo><mtext>saturate</mtext><mo stretchy=\"false\">(</mo><mtext>round</mtext><mo stretchy=\"false\">(</mo><mi>a</mi><mo>/</mo><msup><mn>2</mn><mi>s</mi></msup><mo stretchy=\"false\">)</mo><mo stretchy=\"false\">)</mo></math>",
        "q is the accumulator a over 2 to the s, rounded and saturated",
    )),
    action: "Find the smallest shift at which nothing saturates.",
    question: "The shift grows by one. What happens to the step between two stored values?",
    answer: "It doubles, in units of the exact sum: one bit more of it is dropped.",
};

const ROUNDING: Words = Words {
    title: "Truncation drifts, stochastic rounding does not",
    text: [
        "Dropping the low bits always rounds down: half a step is lost on average, and a change of less than a step altogether.",
        "Rounding to the nearest is right on average over all values, but a change of less than half a step is lost every time.",
        "Stochastic rounding goes up with a probability equal to the part dropped: single results are noisy, their mean is right.",
    ],
    formula: Some((
        "<math display=\"block\"><mi>P</mi><mo stretchy=\"false\">(</mo><mtext>up</mtext><mo stretchy=\"false\">)</mo><mo>=</mo><mfrac><mtext>part dropped</mtext><msup><mn>2</mn><mi>s</mi></msup></mfrac></math>",
        "the probability of rounding up is the part dropped over 2 to the s",
    )),
    action: "Make the change smaller than half a step and watch who still follows.",
    question: "Why does training suffer when an 8-bit copy of the weights is rounded to the nearest?",
    answer: "Late in the run most updates are below half a step, and every one of them is rounded away.",
};

const GRADIENT: Words = Words {
    title: "The trap of the dense gradient",
    text: [
        "The gradient of the whole matrix W is easy to write, an outer product of two vectors summed over the batch, and it is as large as W.",
        "Formed densely at 16 bits it takes 917,504 bytes for the first layer, which undoes what the cores saved.",
        "The gradients of the cores can be had from stored partial results instead, and the dense matrix is never formed.",
    ],
    formula: Some((
        "<math display=\"block\"><mi>d</mi><mi>W</mi><mo>=</mo><munder><mo>∑</mo><mtext>batch</mtext></munder><mi>d</mi><mi>y</mi><msup><mi>x</mi><mi>T</mi></msup></math>",
        "d W is the sum over the batch of d y times x transposed",
    )),
    action: "Compare the three schedules on the boards.",
    question: "What does the schedule without the dense gradient pay for it?",
    answer: "It keeps partial results of the forward pass until the backward pass has used them.",
};

const PING_PONG: Words = Words {
    title: "Ping-pong buffers hide loads and stores",
    text: [
        "An operation is cut into tiles, and each tile is loaded, computed and stored.",
        "With one buffer the three wait for each other; with two of each, one is filled while the other is used, and they overlap.",
        "Then the slowest of the three sets the pace, and what waits for it is stalled: load-bound, compute-bound or store-bound.",
    ],
    formula: Some((
        "<math display=\"block\"><mtext>cycles</mtext><mo>=</mo><mi>l</mi><mo>+</mo><mi>c</mi><mo>+</mo><mi>s</mi><mo>+</mo><mo stretchy=\"false\">(</mo><mi>T</mi><mo>−</mo><mn>1</mn><mo stretchy=\"false\">)</mo><mo>·</mo><mtext>max</mtext><mo stretchy=\"false\">(</mo><mi>l</mi><mo>,</mo><mi>c</mi><mo>,</mo><mi>s</mi><mo stretchy=\"false\">)</mo></math>",
        "cycles are load plus compute plus store, plus T minus 1 times the largest of the three",
    )),
    action: "Turn the overlap on and see what the array waits for.",
    question: "Compute takes 30 cycles a tile, load and store 10 each. What do 100 tiles take with full overlap?",
    answer: "10 + 30 + 10 + 99 × 30 = 3,020 cycles, instead of 5,000.",
};

const ENERGY: Words = Words {
    title: "Fewer bits, less energy",
    text: [
        "The energy of a multiplication grows with the product of the widths of its two operands.",
        "A bit from memory outside the chip costs more than a hundred times a bit from memory on it, which is why fitting on chip matters more than arithmetic.",
        "All of this is modelled: counts of events times a published cost of each, not a measurement of a board.",
    ],
    formula: Some((
        "<math display=\"block\"><mi>E</mi><mo>=</mo><munder><mo>∑</mo><mtext>events</mtext></munder><mtext>count</mtext><mo>×</mo><mtext>cost</mtext><mo>+</mo><msub><mi>P</mi><mtext>static</mtext></msub><mo>·</mo><mi>t</mi></math>",
        "energy is the sum over events of count times cost, plus static power times time",
    )),
    action: "Choose the widths, and see where a training step's energy goes.",
    question: "An 8 × 16-bit product becomes 4 × 8. What does its energy become in this model?",
    answer: "A quarter: 32 instead of 128 products of single bits.",
};

const BOARD: Words = Words {
    title: "Claims, measurements, and a board that trains it",
    text: [
        "The paper reports 292 times less parameter memory, and 59 times the speed and 123 times the energy efficiency of an embedded processor.",
        "This page counts memory, measures accuracy and models cycles and energy, and says which of them each number is.",
        "A board at a serial port, or the virtual one in this page, trains the same network to the same bits.",
    ],
    formula: None,
    action: "Use the virtual board, and train one step on it.",
    question: "How can one know that the board computes what the page computes?",
    answer: "Both are the same Program in integers: after every step the checksum of all parameters is equal to the bit.",
};
