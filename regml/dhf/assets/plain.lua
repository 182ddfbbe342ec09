-- What differs on paper: a link into the folder of pages is only its text, columns get
-- widths that fit what they hold, and a long name may break in a PDF.
local PAGE = 118 -- letters that fit beside each other in a table on upright paper
local WIDE = 175 -- the same on landscape
local LONGEST_WORD = 26 -- a longer word is broken
local LONGEST_CELL = 70 -- what a cell may ask for before it wraps

local function breakable(text)
  text = text:gsub("([/_.:@,])", "%1\u{200b}")
  return (text:gsub("%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x", "%0\u{200b}"))
end

local function broken(element)
  if FORMAT == "typst" and #element.text > 22 then
    element.text = breakable(element.text)
    return element
  end
end

local function measure(cell, column)
  local text = pandoc.utils.stringify(cell.contents)
  column.cell = math.max(column.cell, math.min(#text, LONGEST_CELL))
  column.sum = column.sum + #text
  for word in text:gmatch("%S+") do
    column.word = math.max(column.word, math.min(#word, LONGEST_WORD))
  end
end

local function columns_of(element)
  local columns = {}
  for i = 1, #element.colspecs do
    columns[i] = { cell = 1, word = 1, sum = 0 }
  end
  local parts = { element.head.rows }
  for _, body in ipairs(element.bodies) do
    table.insert(parts, body.body)
  end
  for _, rows in ipairs(parts) do
    for _, row in ipairs(rows) do
      for i, cell in ipairs(row.cells) do
        measure(cell, columns[i])
      end
    end
  end
  return columns
end

-- Columns that fit keep their natural width; otherwise each gets room for its longest
-- word, and what is left goes to those with the most text.
local function widths(columns, page)
  local natural, least, weight = 0, 0, 0
  for _, column in ipairs(columns) do
    natural = natural + column.cell + 2
    least = least + column.word + 2
    weight = weight + math.sqrt(column.sum)
  end
  local found = {}
  for i, column in ipairs(columns) do
    if natural <= page then
      found[i] = (column.cell + 2) / page
    elseif least < page then
      local share = (page - least) * math.sqrt(column.sum) / weight
      found[i] = (column.word + 2 + share) / page
    else
      found[i] = (column.word + 2) / least
    end
  end
  return found
end

function Table(element)
  local page = PANDOC_WRITER_OPTIONS.variables["landscape"] and WIDE or PAGE
  for i, width in ipairs(widths(columns_of(element), page)) do
    element.colspecs[i] = { element.colspecs[i][1], width }
  end
  return element
end

function Link(element)
  if not element.target:match("^https?://") then
    return element.content
  end
end

Str = broken
Code = broken
